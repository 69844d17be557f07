// What the classifier says of one packet: marks. They view the packet at hand and live during the call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "auditor/classify/boundary.h"
#include "auditor/classify/rule_table.h"
#include "auditor/decode/frame.h"
#include "compiler/net/ip.h"

namespace airtight::audit {

// Where a packet was seen.
enum class Role : std::uint8_t { Uplink, PodSide };
std::string_view to_string(Role);  // "uplink" "pod side"

// A point of observation: one interface of one file, or of this node.
struct Point {
  Role role = Role::Uplink;
  std::string name;        // of the interface; empty if unknown
  std::uint32_t file = 0;  // index into the run's files
};

struct Mark {
  Rule rule = Rule::PacketLeft;
  Class cls = Class::Escape;
  Effect effect = Effect::None;
  bool has_addresses = false;
  Ip source = Ip::v4(0);
  Ip destination = Ip::v4(0);
  std::int32_t protocol = -1;    // IP protocol number; -1 if none
  std::int32_t ether_type = -1;  // of what is no IP; -1 if none
  std::int32_t port = -1;        // of the service
  std::string_view name;
  Label label;
  std::string_view detail;
  bool guessed_direction = false;
  // The same for a packet before and after address translation: protocol, TCP sequence number, payload. 0 if not told.
  std::uint64_t fingerprint = 0;
};

class MarkSink {
 public:
  virtual ~MarkSink() = default;
  // `frame` is the one at hand, or, for what shows only when a flow ends, one without bytes and number.
  virtual void mark(const Frame& frame, const Point& point, const Mark& mark) = 0;
};

}  // namespace airtight::audit
