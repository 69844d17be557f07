// Members of API objects as an API server decodes them: null is absent, types are checked, stray keys are noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/net/ip.h"
#include "compiler/net/ip_set.h"
#include "compiler/net/traffic_set.h"
#include "compiler/verify/document.h"
#include "compiler/verify/kubernetes/objects.h"
#include "compiler/verify/kubernetes/readers.h"

namespace airtight::verify {

// Lenient, for what is no policy: nothing here reports anything. nullptr or empty if absent, null or of another type.
const Value* field(const Value& map, std::string_view key);
const Value* field(const Value& map, std::initializer_list<std::string_view> path);
std::string_view text_of(const Value& map, std::string_view key);
std::span<const Value> list_of(const Value& map, std::string_view key);
bool is_true(const Value& map, std::string_view key);
std::optional<std::int64_t> integer(const Value&);  // a number that is one, in any notation of YAML 1.1
Labels string_members(const Value* map);            // those members that are strings

void remark(ReaderContext context, Rule rule, Span where, std::string message);

// ---- strict, for policies ------------------------------------------------------------------------------------------

using Faults = std::vector<SelectorFault>;

// Puts the path in front of the messages of every fault that is added while it lives.
class Within {
 public:
  Within(Faults& faults, std::string_view key) : faults_(faults), from_(faults.size()), key_(key) {}
  Within(Faults& faults, std::string_view key, std::size_t index) : Within(faults, key) { index_ = index; }
  ~Within();
  Within(const Within&) = delete;
  Within& operator=(const Within&) = delete;

 private:
  Faults& faults_;
  std::size_t from_;
  std::string_view key_;
  std::optional<std::size_t> index_;
};

enum class Shape : std::uint8_t { Any, Map, List, String, Integer, IntegerOrString };
struct FieldShape {
  std::string_view key;
  Shape shape;
};

// Whether the value is a map (or null, which is an empty one). Adds a fault for each member that is unknown or of
// another type.
bool check_fields(const Value& map, std::initializer_list<FieldShape> known, Faults& faults);
// Top level and metadata of an object that is checked whole: fields, name, labels.
void check_object(const Value& object, Faults& faults);

// Name rules of the API server: empty if the text keeps them, else a clause ("is …").
std::string why_not_label_key(std::string_view text);
std::string why_not_label_value(std::string_view text);
std::string why_not_subdomain(std::string_view text);  // names of most objects
std::string why_not_port_name(std::string_view text);

// A CIDR as API servers take it. `sloppy`: leading zeros too, as networking.k8s.io/v1 does.
struct ReadPrefix {
  Prefix prefix;
  IpSet addresses;    // IPv4-mapped ones in both families
  std::string noted;  // host bits were set: "is read as 10.0.0.0/8"
  std::string doubt;  // readers differ on it
};
std::optional<ReadPrefix> read_prefix(std::string_view text, bool sloppy);

// Adds the object with its faults: one that the API server would refuse is `refused`, one with unknown fields
// `doubtful`;
// rules and peers that were not understood are noted.
void add_policy(PolicyObject&& policy, const Faults& faults, ReaderContext context);

}  // namespace airtight::verify
