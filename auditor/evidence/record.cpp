#include "auditor/evidence/record.h"

#include <algorithm>
#include <array>
#include <utility>

#include "auditor/evidence/record_shapes.h"
#include "auditor/evidence/text_fields.h"
#include "compiler/policy/compiled_policy.h"  // JsonWriter, digest_of(), is_digest(), printable()

namespace airtight::audit {
namespace {

// By index of RecordBody. A canary's intent comes before the canary, and what speaks against us must not be lost; a
// heartbeat that is lost only costs coverage.
constexpr std::array<bool, kRecordTypes> kUrgent = {true, false, false, true, true, false,
                                                    true, true,  true, true, false};

// Seconds with up to nine digits of fraction.
std::string seconds_text(std::int64_t nanoseconds) {
  const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0));
  std::string text = std::to_string(value / 1'000'000'000);
  if (const std::uint64_t rest = value % 1'000'000'000; rest != 0) {
    text += "." + std::to_string(1'000'000'000 + rest).substr(1);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text;
}

// A name of a counter or class, which nobody but a hostile interface name makes anything else.
std::string ascii(std::string_view name) {
  std::string out;
  for (const char c : name) out += c >= ' ' && c < 127 ? c : '?';
  return out;
}

class Writer {
 public:
  template <class T>
  void member(std::string_view name, const T& value) {
    if constexpr (Leaveable<T>)
      if (is_left_out(value)) return;
    entry(name, value);
  }
  template <class... Parts>
  void row(const Parts&... parts) {
    json_.begin_array();
    (put(parts), ...);
    json_.end_array();
  }
  void planned(std::string_view name, const std::vector<PlannedCanary>& canaries) {
    std::vector<std::vector<std::string>> groups;
    for (const PlannedCanary& canary : canaries) {
      const std::string kind = printable(canary.kind), interface = printable(canary.interface);
      if (groups.empty() || groups.back()[0] != kind || groups.back()[1] != interface)
        groups.push_back({kind, interface});
      groups.back().push_back(canary.family);
    }
    member(name, groups);
  }
  void different(std::string_view name, const std::vector<CanaryOutcome>& outcomes) {
    std::vector<CanaryOutcome> kinds;
    std::map<std::array<std::string, 3>, std::uint64_t> numbers;  // by what is shown, which may be less than what is
    for (const CanaryOutcome& outcome : outcomes) {
      const auto [found, made] = numbers.try_emplace(
          {printable(outcome.fate), printable(outcome.blocked_by), printable(outcome.detail)}, kinds.size());
      if (made) kinds.push_back(outcome);
      which_.push_back(found->second);
    }
    member(name, kinds);
  }
  void which(std::string_view name, const std::vector<CanaryOutcome>&) { member(name, which_); }
  void put(const std::string& value) { is_plain(value) ? json_.string(value) : json_.string(printable(value)); }
  void put(bool value) { json_.boolean(value); }
  void put(std::int64_t value) { json_.string(time_text(value)); }
  void put(std::uint64_t value) {
    value <= kMaxInteger ? json_.integer(static_cast<std::int64_t>(value)) : json_.string(std::to_string(value));
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(*value);
  }
  void put(GapReason value) { json_.string(to_string(value)); }
  template <class T>
  void put(const std::vector<T>& list) {
    json_.begin_array();
    for (const T& value : list) put(value);
    json_.end_array();
  }
  // std::map's order is by bytes, which is the one of RFC 8785 for ASCII.
  template <class T>
  void put(const std::map<std::string, T>& map) {
    if (!std::all_of(map.begin(), map.end(), [](const auto& entry) { return is_plain(entry.first); })) {
      std::map<std::string, T> shown;
      for (const auto& [name, value] : map) shown[ascii(name)] = value;
      return put(shown);
    }
    json_.begin_object();
    for (const auto& [name, value] : map) entry(name, value);
    json_.end_object();
  }
  template <class T>
  requires std::is_class_v<T>
  void put(const T& value) {
    if constexpr (kIsRow<T>) return members(*this, value);
    json_.begin_object();
    members(*this, value);
    json_.end_object();
  }

  JsonWriter& json() { return json_; }

 private:
  template <class T>
  void entry(std::string_view name, const T& value) {
    json_.key(name);
    put(value);
  }

  std::vector<std::uint64_t> which_;
  JsonWriter json_{JsonWriter::Form::Canonical};
};

}  // namespace

std::string_view to_string(GapReason reason) { return kReasons[static_cast<std::size_t>(reason)]; }
std::string_view record_type(const RecordBody& body) { return kTypeNames[body.index()]; }
bool is_urgent(const RecordBody& body) { return kUrgent[body.index()]; }

FindingRecord record_of(const Finding& finding) {
  FindingRecord record;
  record.rule_id = info(finding.rule).id;
  record.cls = to_string(finding.cls);
  record.effect = to_string(finding.effect);
  record.role = to_string(finding.role);
  record.workload = "unknown";
  if (finding.has_addresses) {
    record.source = to_string(finding.source);
    record.destinations = {to_string(finding.destination)};
    record.destinations_count = 1;
  }
  record.protocol = finding.protocol;
  if (finding.port >= 0) record.port = static_cast<std::uint64_t>(finding.port);
  record.name = finding.name;
  record.catalogue = finding.catalogue;
  record.interface = finding.interface;
  record.detail = finding.detail;
  record.guessed_direction = finding.guessed_direction;
  record.first_seen = finding.first_seen == kNoTime ? 0 : finding.first_seen;
  record.last_seen = finding.last_seen == kNoTime ? 0 : finding.last_seen;
  record.packets = finding.packets;
  record.bytes = finding.bytes;
  return record;
}

std::string to_json(const Record& record) {
  Writer writer;
  JsonWriter& json = writer.json();
  json.begin_object();
  json.key("boottime");
  json.string(seconds_text(record.boottime));
  json.key("data");
  std::visit([&](const auto& body) { writer.put(body); }, record.body);
  writer.member("seq", record.seq);
  writer.member("time", record.time);
  json.key("type");
  json.string(record_type(record.body));
  json.end_object();
  return std::move(json).take();
}

void SegmentSummary::add(const RecordBody& body) {
  if (const auto* start = std::get_if<StartRecord>(&body)) carry(start->boot_id, start->policy_digest);
  if (const auto* policy = std::get_if<PolicyRecord>(&body)) carry(boot_id_, policy->to);
  if (const auto* intent = std::get_if<CanaryIntentRecord>(&body)) rounds_.push_back(intent->round);
  if (const auto* heartbeat = std::get_if<HeartbeatRecord>(&body)) {
    carry(heartbeat->boot_id, heartbeat->policy_digest);
    for (const auto& [name, value] : heartbeat->counters) counters_[name] = value;
  }
}

void SegmentSummary::begin_segment() {
  counters_.clear();
  rounds_.clear();
}

void SegmentSummary::carry(std::string boot_id, std::string policy_digest) {
  // Empty is as before; what cannot stand in a checkpoint must not spoil one.
  if (is_token(boot_id)) boot_id_ = std::move(boot_id);
  if (is_digest(policy_digest)) policy_ = std::move(policy_digest);
}

std::string SegmentSummary::counters_digest() const {
  Writer writer;
  writer.put(counters_);
  return digest_of(std::move(writer.json()).take());
}

std::string SegmentSummary::canaries_digest() const {
  Writer writer;
  writer.put(rounds_);
  return digest_of(std::move(writer.json()).take());
}

}  // namespace airtight::audit
