// Sends UDP frames out of a device through the kernel's whole way out (queue, egress hook, taps), at a rate, for a
// time:
//   send_frames [--rate N] [--seconds S] [--size OCTETS] [--flows N] [--from A] [--to A] DEVICE
// Without --size frames are IMIX, 64, 594 and 1518 octets as 7:4:1 (check sequence included, which is not sent). Flows
// differ by their ports. Prints "sent N refused N seconds S". The destination MAC address is nobody's, so whoever gets
// them drops them.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { kBatch = 32, kMost = 2048, kImix = 12 };

static const int kSizes[kImix] = {60, 590, 60, 60, 590, 60, 1514, 60, 590, 60, 590, 60};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint16_t checksum(const uint8_t* at, int size) {
  uint32_t sum = 0;
  for (int i = 0; i < size; i += 2) sum += (uint32_t)(at[i] << 8 | at[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return htons((uint16_t)~sum);
}

static void put16(uint8_t* at, unsigned value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

// UDP without a checksum, which IPv4 permits.
static void build(uint8_t* frame, int size, const uint8_t* mac, const char* from, const char* to, unsigned flow) {
  static const uint8_t nobody[6] = {0x02, 0, 0, 0, 0, 0x99};
  memset(frame, 0, kMost);
  memcpy(frame, nobody, 6);
  memcpy(frame + 6, mac, 6);
  put16(frame + 12, ETHERTYPE_IP);
  uint8_t* ip = frame + 14;
  ip[0] = 0x45;
  put16(ip + 2, (unsigned)size - 14);
  put16(ip + 6, 0x4000);
  ip[8] = 64;
  ip[9] = IPPROTO_UDP;
  if (inet_pton(AF_INET, from, ip + 12) != 1 || inet_pton(AF_INET, to, ip + 16) != 1) {
    fprintf(stderr, "send_frames: %s or %s is no IPv4 address\n", from, to);
    exit(2);
  }
  const uint16_t sum = checksum(ip, 20);
  memcpy(ip + 10, &sum, 2);
  put16(ip + 20, 20000 + flow % 40000);
  put16(ip + 22, 8000);
  put16(ip + 24, (unsigned)size - 34);
}

static double number(const char* text) {
  char* end = NULL;
  const double value = strtod(text, &end);
  if (*text == 0 || *end != 0 || !(value > 0)) {
    fprintf(stderr, "send_frames: '%s' is no number above 0\n", text);
    exit(2);
  }
  return value;
}

int main(int argc, char** argv) {
  double rate = 500000, seconds = 10;
  int size = 0;
  unsigned flows = 1000;
  const char *from = "10.10.0.2", *to = "10.20.0.10", *device = NULL;
  for (int i = 1; i < argc; ++i) {
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (!strcmp(argv[i], "--rate"))
      rate = number(value), ++i;
    else if (!strcmp(argv[i], "--seconds"))
      seconds = number(value), ++i;
    else if (!strcmp(argv[i], "--size"))
      size = (int)number(value), ++i;
    else if (!strcmp(argv[i], "--flows"))
      flows = (unsigned)number(value), ++i;
    else if (!strcmp(argv[i], "--from"))
      from = value, ++i;
    else if (!strcmp(argv[i], "--to"))
      to = value, ++i;
    else
      device = argv[i];
  }
  if (device == NULL || (size != 0 && (size < 60 || size > 1514)) || flows == 0) {
    fprintf(stderr,
            "usage: send_frames [--rate N] [--seconds S] [--size 60-1514] [--flows N] [--from A] [--to A] DEVICE\n");
    return 2;
  }
  const int sender = socket(AF_PACKET, SOCK_RAW, 0);  // 0: it receives nothing
  struct sockaddr_ll where = {
      .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device), .sll_protocol = htons(ETH_P_IP)};
  socklen_t length = sizeof where;
  const int room = 4 << 20;
  if (sender < 0 || where.sll_ifindex == 0) {
    perror("send_frames");
    return 4;
  }
  where.sll_protocol = 0;
  if (bind(sender, (struct sockaddr*)&where, sizeof where) < 0 ||
      getsockname(sender, (struct sockaddr*)&where, &length) < 0) {
    perror("send_frames");
    return 4;
  }
  setsockopt(sender, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);

  // Enough frames for every flow in every size of the mix, made once.
  unsigned kinds = flows * kImix;
  if (kinds > 1u << 16) kinds = 1u << 16;
  uint8_t* frames = malloc((size_t)kinds * kMost);
  int* sizes = malloc(kinds * sizeof *sizes);
  if (frames == NULL || sizes == NULL) return 4;
  for (unsigned i = 0; i < kinds; ++i) {
    sizes[i] = size != 0 ? size : kSizes[i % kImix];
    build(frames + (size_t)i * kMost, sizes[i], where.sll_addr, from, to, i % flows);
  }

  struct mmsghdr messages[kBatch];
  struct iovec parts[kBatch];
  struct sockaddr_ll target = where;
  target.sll_protocol = htons(ETH_P_IP);
  unsigned long long sent = 0, refused = 0;
  unsigned next = 0;
  const double start = now(), end = start + seconds;
  for (double t = start; t < end; t = now()) {
    const double due = (t - start) * rate;
    if ((double)(sent + refused) >= due) {
      const struct timespec nap = {0, 50000};
      nanosleep(&nap, NULL);
      continue;
    }
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < kBatch; ++i, next = (next + 1) % kinds) {
      parts[i] = (struct iovec){frames + (size_t)next * kMost, (size_t)sizes[next]};
      messages[i].msg_hdr =
          (struct msghdr){.msg_name = &target, .msg_namelen = sizeof target, .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    const int done = sendmmsg(sender, messages, kBatch, 0);
    if (done > 0) sent += (unsigned)done;
    if (done < 0 && errno != ENOBUFS && errno != EAGAIN) {
      perror("send_frames: sendmmsg");
      return 4;
    }
    if (done < kBatch) refused += 1;
  }
  printf("sent %llu refused %llu seconds %.3f\n", sent, refused, now() - start);
  return 0;
}
