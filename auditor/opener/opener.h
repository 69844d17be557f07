// The privileged half of the agent (DESIGN §6, "Safety of the agent itself"): a small process that keeps CAP_NET_RAW
// and CAP_NET_ADMIN, makes sockets and reads rulesets for the other one, and parses nothing. Requests and descriptors
// go over a socket pair; it ends when its side of that closes.
//
// Every call waits for its answer, ten seconds at most, then fails with std::errc::timed_out; once the opener has
// ended it fails with std::errc::broken_pipe. Any thread may call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace airtight::audit {

// A file descriptor that is closed when it goes.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

enum class SocketKind : std::uint8_t {
  PacketRaw,     // AF_PACKET, SOCK_RAW, protocol 0: receives nothing until it is bound, which needs no capability
  PacketCooked,  // AF_PACKET, SOCK_DGRAM, protocol 0
  PacketMarked,  // as PacketRaw, with SO_MARK = kCanaryMark: for sensor canaries
  PodUdp4,       // AF_INET, SOCK_DGRAM in the namespace of OpenerOptions::pod_namespace: made once, at start, and the
  PodUdp6,       // same one at each call with what was set on it; without that namespace std::errc::network_unreachable
  RulesetEvents,  // AF_NETLINK, NETLINK_NETFILTER, bound to the group NFNLGRP_NFTABLES; non-blocking
};

inline constexpr std::uint32_t kCanaryMark = 0x61697274;  // "airt"; the same as in the firewall's one hole

struct OpenerOptions {
  std::string pod_namespace;  // path of a network namespace that pod canaries are sent from; empty: none
  std::string user;           // whom the agent becomes; empty: it stays who it is, without any capability
};

// What one tool printed of the live rules.
struct RulesetDump {
  std::string tool;   // "nft -j list ruleset", "iptables-legacy-save", "ip6tables-nft-save" …
  std::string text;   // its standard output
  std::string error;  // why there is none, or what it said on standard error; empty if neither
  bool failed = false;
  friend bool operator==(const RulesetDump&, const RulesetDump&) = default;
};

class Opener {
 public:
  virtual ~Opener() = default;
  virtual std::error_code open_socket(SocketKind kind, Fd& socket) = 0;
  // Of nftables in this network namespace: changes with every transaction, not with counters (NFT_MSG_GETGEN).
  virtual std::error_code ruleset_generation(std::uint32_t& generation) = 0;
  // The named counters of one table as libnftables' JSON ("list counters table FAMILY TABLE"); a table that is not
  // there is std::errc::no_such_file_or_directory.
  virtual std::error_code counters(std::string_view family, std::string_view table, std::string& json) = 0;
  // Starts reading every live ruleset and returns at once. The descriptor gives one frame a dump (encode_dump()) and
  // then ends; it may take seconds for large sets, at most thirty; more than two at a time are
  // std::errc::device_or_resource_busy. nft, and both iptables backends in both families as far as they are in use
  // (R21): a backend whose tables are there (/proc/net/ip_tables_names …) and whose tool is not is a dump that failed.
  // The tables of iptables-nft are in the listing of nft too; without its tool they fail only if they use expressions
  // of iptables' own ("xt"), which nft lists by their name alone.
  virtual std::error_code read_rulesets(Fd& stream) = 0;
  // Of a BPF program, as far as the kernel tells us; empty otherwise. The kernel asks for CAP_SYS_ADMIN, which the
  // opener gave up, so it is empty on all kernels so far.
  virtual std::error_code program_name(std::uint32_t id, std::string& name) = 0;
  // The ids of the BPF programs at a device's own hooks, which no listing of tc shows (device_programs.h).
  virtual std::error_code device_programs(std::uint32_t index, std::vector<std::uint32_t>& ids) = 0;
};

// Forks the opener, then drops everything in this process: capabilities, bounding set, user if one is named,
// PR_SET_NO_NEW_PRIVS, PR_SET_DUMPABLE 0, limits (no core file, address space, processes). Call it before any thread is
// started. What this process needs capabilities for afterwards, it must ask for. Throws std::system_error, with what
// was missing in its text, where the opener could not do its work.
std::unique_ptr<Opener> start_opener(const OpenerOptions& options);

// uint32 big-endian lengths before tool, text and error, a byte for `failed` first. The opener's stream begins with a
// frame without a tool whose text is the number of those that follow.
std::string encode_dump(const RulesetDump& dump);
// Empty, with the reason, unless the bytes are whole frames, at least one, and as many as were announced.
bool decode_dumps(std::string_view bytes, std::vector<RulesetDump>& dumps, std::string& why);

}  // namespace airtight::audit
