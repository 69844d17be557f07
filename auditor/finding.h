// What was found, added up by cause. Bounded: beyond kMaxFindings different ones of an effect the rest is only counted,
// and said.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "auditor/classify/mark.h"
#include "auditor/classify/rule_table.h"
#include "auditor/decode/frame.h"
#include "compiler/net/ip.h"

namespace airtight::audit {

inline constexpr std::size_t kMaxFindings = 65'536;  // of each effect: what is listed never displaces what violates
inline constexpr std::size_t kExamples = 5;

// "tcp" "udp" "icmp" … or a number; "ethertype 0x88cc"; empty if there is none.
std::string protocol_text(const Mark& mark);

// One packet, by file and number: what a person opens.
struct PacketId {
  std::int64_t time = kNoTime;
  std::uint32_t file = 0;    // index into the run's files
  std::uint64_t number = 0;  // 1-based in its file
  friend auto operator<=>(const PacketId&, const PacketId&) = default;
};

// Where the same packets were seen before translation, joined to a finding at an uplink.
struct PodSideSight {
  Ip source = Ip::v4(0);
  std::string interface;
  std::uint64_t packets = 0;
  bool guessed = false;  // by time and destination alone; else by content (TCP sequence, payload)
};

struct Finding {
  Rule rule = Rule::PacketLeft;
  Class cls = Class::Escape;
  Effect effect = Effect::None;
  Role role = Role::Uplink;
  bool has_addresses = false;  // source and destination are valid
  Ip source = Ip::v4(0);
  Ip destination = Ip::v4(0);
  std::string protocol;  // "tcp" "udp" "icmp" "icmpv6" "sctp" "dccp" "igmp" "esp" … or a number; "ethertype 0x88cc";
                         // may be empty
  std::int32_t port = -1;  // of the service; -1 if there is none
  std::string name;        // DNS, SNI, Host …, in lower case; empty if none
  std::string catalogue;   // "hosted LLM: OpenAI"; empty if no catalogue names it
  std::string interface;   // name in the file; empty if it has none
  std::string detail;      // a clause more: "VXLAN, level 2", "SEC-12, expired 2026-06-30", "IPv4 header of 12 bytes"
  bool guessed_direction = false;  // who opened was not seen
  std::int64_t first_seen = kNoTime;
  std::int64_t last_seen = kNoTime;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::vector<PacketId> examples;      // the first kExamples, in order
  std::vector<PodSideSight> pod_side;  // sights that were joined to this one
};

// Takes marks and adds them up. One thread; several are merged when they are done, and give what one would have given:
// which findings are kept depends on the places of their first packets alone.
class FindingLedger final : public MarkSink {
 public:
  FindingLedger();
  // The place of the coming marks' frame among all frames of the run; for those that no frame brings, kAfterFrames.
  // Without a call, times and numbers of frames order them.
  void at(std::uint64_t place) { place_ = place; }
  static constexpr std::uint64_t kAfterFrames = UINT64_MAX;
  void mark(const Frame& frame, const Point& point, const Mark& mark) override;
  // Adds what the other one found, as if its marks had come here.
  void merge(FindingLedger&& other);
  // The findings, violated first, then inconclusive, then listed; within, by rule, then by time. What was seen at a pod
  // side and again at an uplink after address translation becomes one. The ledger is empty afterwards.
  std::vector<Finding> take();
  // Marks that found no place, by effect; complete after take().
  const std::array<std::uint64_t, 3>& left_out() const { return left_out_; }

 private:
  // Of a finding's first packet; ties of one packet are broken by what was found.
  struct Order {
    std::uint64_t place = 0;
    PacketId packet;
    std::uint64_t hash = 0;
    friend auto operator<=>(const Order&, const Order&) = default;
  };
  struct Entry {
    Finding finding;
    Order first;
    std::vector<std::uint64_t> fingerprints;  // of its first packets
  };
  struct Kept {
    std::size_t count = 0;
    Order last;  // none that is kept comes later
  };
  class Join;

  template <class Same>
  Entry* find(std::uint64_t hash, const Same& same);
  Entry* make(const Order& order, Effect effect);
  void place(std::uint32_t index);
  void index_all(std::size_t cells);
  void trim(Effect effect);
  void sort();

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> cells_;  // open addressing: entry + 1
  std::array<Kept, 3> kept_;
  std::array<std::uint64_t, 3> left_out_{};
  std::uint64_t place_ = 0;
  std::string name_;  // of the mark at hand, folded
};

}  // namespace airtight::audit
