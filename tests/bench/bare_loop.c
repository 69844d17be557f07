/* The least that a flow counter can do, as a mark for `replay`: bare_loop libpcap|mmap FILE.pcap
 *
 * Reads each packet, finds the two addresses, the protocol and the ports of Ethernet and IPv4, counts it in a hash
 * table, and judges nothing. libpcap reads any capture; mmap only little-endian microsecond pcap, as make_capture
 * writes it. Trusts its input: it is for benchmarks. */
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct flow {
  uint64_t addresses;
  uint64_t rest; /* ports, protocol; 0 = free */
  uint64_t packets, bytes;
};
enum { kSlots = 1 << 22 };
static struct flow* table;
static uint64_t packets, flows;

static void count(const uint8_t* frame, uint32_t captured, uint32_t length) {
  ++packets;
  if (captured < 38 || frame[12] != 8 || frame[13] != 0) return;
  const uint32_t head = (uint32_t)(frame[14] & 15) * 4;
  if (captured < 14 + head + 4) return;
  uint32_t source, destination;
  uint16_t from, to;
  memcpy(&source, frame + 26, 4);
  memcpy(&destination, frame + 30, 4);
  memcpy(&from, frame + 14 + head, 2);
  memcpy(&to, frame + 16 + head, 2);
  if (source > destination || (source == destination && from > to)) { /* both directions are one flow */
    const uint32_t address = source;
    source = destination, destination = address;
    const uint16_t port = from;
    from = to, to = port;
  }
  const uint64_t addresses = (uint64_t)source << 32 | destination;
  const uint64_t rest = (uint64_t)from << 32 | (uint64_t)to << 16 | (uint64_t)frame[23] << 8 | 1;
  uint64_t hash = (addresses ^ rest * 0x9E3779B97F4A7C15u) * 0xBF58476D1CE4E5B9u;
  hash ^= hash >> 32;
  for (uint64_t at = hash & (kSlots - 1);; at = (at + 1) & (kSlots - 1)) {
    struct flow* flow = &table[at];
    if (flow->rest == 0) flow->addresses = addresses, flow->rest = rest, ++flows;
    if (flow->addresses != addresses || flow->rest != rest) continue;
    ++flow->packets;
    flow->bytes += length;
    return;
  }
}

static int with_libpcap(const char* path) {
  char error[PCAP_ERRBUF_SIZE];
  pcap_t* file = pcap_open_offline(path, error);
  if (file == NULL) return fprintf(stderr, "%s\n", error), 4;
  struct pcap_pkthdr* header;
  const u_char* bytes;
  while (pcap_next_ex(file, &header, &bytes) == 1) count(bytes, header->caplen, header->len);
  pcap_close(file);
  return 0;
}

static int with_mmap(const char* path) {
  const int file = open(path, O_RDONLY);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) return perror(path), 4;
  const size_t size = (size_t)status.st_size;
  const uint8_t* bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (bytes == MAP_FAILED) return perror(path), 4;
  madvise((void*)(uintptr_t)bytes, size, MADV_SEQUENTIAL);
  for (size_t at = 24; at + 16 <= size;) {
    uint32_t lengths[2];
    memcpy(lengths, bytes + at + 8, 8);
    at += 16;
    if (lengths[0] > size - at) break;
    count(bytes + at, lengths[0], lengths[1]);
    at += lengths[0];
  }
  return 0;
}

int main(int argc, char** argv) {
  const int mapped = argc == 3 && strcmp(argv[1], "mmap") == 0;
  if (argc != 3 || (!mapped && strcmp(argv[1], "libpcap") != 0))
    return fprintf(stderr, "usage: bare_loop libpcap|mmap FILE.pcap\n"), 2;
  table = calloc(kSlots, sizeof *table);
  if (table == NULL) return perror("bare_loop"), 4;
  const int status = mapped ? with_mmap(argv[2]) : with_libpcap(argv[2]);
  printf("%llu packets, %llu flows\n", (unsigned long long)packets, (unsigned long long)flows);
  return status;
}
