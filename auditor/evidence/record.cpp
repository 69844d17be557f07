#include "auditor/evidence/record.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <type_traits>

#include "auditor/evidence/text_fields.h"
#include "compiler/policy/compiled_policy.h"  // JsonWriter, parse_json(), digest_of(), printable()

namespace airtight::audit {
namespace {

struct TypeInfo {
  std::string_view name;
  bool urgent;
};
// By index of RecordBody. A canary's intent comes before the canary, and what speaks against us must not be lost; a
// heartbeat that is lost only costs coverage.
constexpr std::array<TypeInfo, kRecordTypes> kTypes = {{{"start", true},
                                                        {"heartbeat", false},
                                                        {"finding", true},
                                                        {"canary-intent", true},
                                                        {"canary-fate", true},
                                                        {"probe", false},
                                                        {"gap", true},
                                                        {"enforcement", true},
                                                        {"policy", true},
                                                        {"stop", true},
                                                        {"segment", false}}};

constexpr std::array<std::string_view, 14> kReasons = {
    "kernel-drops",  "lost-events", "late-interface", "undeclared-interface",
    "not-conserved", "restart",     "clock-step",     "suspended",
    "table-full",    "torn-tail",   "log-write",      "no-seal",
    "canary",        "other"};

constexpr std::uint64_t kMaxInteger = (std::uint64_t{1} << 53) - 1;

// The members of every shape, once, in the order of RFC 8785: `io` is a Writer or a Reader. Of a wrong order the tests
// tell, and reading what was written fails.
template <class Io, class T>
void members(Io& io, T& r) {
  using R = std::remove_const_t<T>;
  if constexpr (std::is_same_v<R, WatchedInterface>) {
    io.member("name", r.name);
    io.member("role", r.role);
    io.member("up", r.up);
    io.member("why", r.why);
  } else if constexpr (std::is_same_v<R, StartRecord>) {
    io.member("agent", r.agent);
    io.member("boot_id", r.boot_id);
    io.member("enforcement_digest", r.enforcement_digest);
    io.member("interfaces", r.interfaces);
    io.member("interval", r.interval);
    io.member("kernel", r.kernel);
    io.member("node", r.node);
    io.member("policy_digest", r.policy_digest);
    io.member("uplinks_down", r.uplinks_down);
  } else if constexpr (std::is_same_v<R, UplinkCount>) {
    io.member("after", r.after);
    io.member("before", r.before);
    io.member("conserved", r.conserved);
    io.member("explained", r.explained);
    io.member("interface", r.interface);
    io.member("seen", r.seen);
  } else if constexpr (std::is_same_v<R, ClassSum>) {
    io.member("bytes", r.bytes);
    io.member("packets", r.packets);
  } else if constexpr (std::is_same_v<R, HeartbeatRecord>) {
    io.member("boot_id", r.boot_id);
    io.member("classes", r.classes);
    io.member("counters", r.counters);
    io.member("enforcement_digest", r.enforcement_digest);
    io.member("from", r.from);
    io.member("policy_digest", r.policy_digest);
    io.member("uplinks", r.uplinks);
  } else if constexpr (std::is_same_v<R, FindingRecord>) {
    io.member("bytes", r.bytes);
    io.member("catalogue", r.catalogue);
    io.member("class", r.cls);
    io.member("destinations", r.destinations);
    io.member("destinations_count", r.destinations_count);
    io.member("detail", r.detail);
    io.member("effect", r.effect);
    io.member("first_seen", r.first_seen);
    io.member("guessed_direction", r.guessed_direction);
    io.member("interface", r.interface);
    io.member("last_seen", r.last_seen);
    io.member("name", r.name);
    io.member("packets", r.packets);
    io.member("port", r.port);
    io.member("protocol", r.protocol);
    io.member("role", r.role);
    io.member("rule_id", r.rule_id);
    io.member("source", r.source);
    io.member("workload", r.workload);
  } else if constexpr (std::is_same_v<R, PlannedCanary>) {
    io.member("family", r.family);
    io.member("interface", r.interface);
    io.member("kind", r.kind);
  } else if constexpr (std::is_same_v<R, CanaryIntentRecord>) {
    io.member("canaries", r.canaries);
    io.member("commitment", r.commitment);
    io.member("round", r.round);
  } else if constexpr (std::is_same_v<R, CanaryOutcome>) {
    io.member("blocked_by", r.blocked_by);
    io.member("detail", r.detail);
    io.member("fate", r.fate);
  } else if constexpr (std::is_same_v<R, CanaryFateRecord>) {
    io.member("good", r.good);
    io.member("outcomes", r.outcomes);
    io.member("round", r.round);
    io.member("seed", r.seed);
  } else if constexpr (std::is_same_v<R, ProbeRecord>) {
    io.member("counted", r.counted);
    io.member("detail", r.detail);
    io.member("kind", r.kind);
    io.member("outcome", r.outcome);
    io.member("real", r.real);
    io.member("target", r.target);
  } else if constexpr (std::is_same_v<R, GapRecord>) {
    io.member("detail", r.detail);
    io.member("from", r.from);
    io.member("interface", r.interface);
    io.member("reason", r.reason);
    io.member("size", r.size);
    io.member("to", r.to);
  } else if constexpr (std::is_same_v<R, EnforcementRecord>) {
    io.member("digest", r.digest);
    io.member("opened", r.opened);
    io.member("outcome", r.outcome);
  } else if constexpr (std::is_same_v<R, PolicyRecord>) {
    io.member("from", r.from);
    io.member("to", r.to);
    io.member("why", r.why);
  } else if constexpr (std::is_same_v<R, StopRecord>) {
    io.member("uplinks_down", r.uplinks_down);
    io.member("why", r.why);
  } else {
    static_assert(std::is_same_v<R, SegmentRecord>);
    io.member("checkpoint", r.checkpoint);
    io.member("epoch", r.epoch);
    io.member("seal", r.seal);
    io.member("size", r.size);
  }
}

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

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  const std::size_t dot = text.find('.');
  const auto whole = parse_number(text.substr(0, dot));
  if (!whole || *whole > 9'000'000'000) return std::nullopt;
  std::uint64_t fraction = 0;
  if (dot != std::string_view::npos) {
    const std::string_view digits = text.substr(dot + 1);
    if (digits.empty() || digits.size() > 9 || digits.back() == '0') return std::nullopt;
    const auto value = parse_number("1" + std::string(digits) + std::string(9 - digits.size(), '0'));
    if (!value) return std::nullopt;
    fraction = *value - 1'000'000'000;
  }
  return static_cast<std::int64_t>(*whole * 1'000'000'000 + fraction);
}

// Most texts are; asking is cheaper than printable().
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 127; });
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
    json_.key(name);
    put(value);
  }
  template <class T>
  void object(const T& value) {
    json_.begin_object();
    members(*this, value);
    json_.end_object();
  }
  void put(const std::string& value) { is_plain(value) ? json_.string(value) : json_.string(printable(value)); }
  void put(bool value) { json_.boolean(value); }
  void put(std::int64_t value) { json_.string(time_text(value)); }
  void put(std::uint64_t value) {
    value <= kMaxInteger ? json_.integer(static_cast<std::int64_t>(value)) : json_.string(std::to_string(value));
  }
  void put(const std::optional<std::uint64_t>& value) { value ? put(*value) : json_.null(); }
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
    for (const auto& [name, value] : map) member(name, value);
    json_.end_object();
  }
  template <class T>
  requires std::is_class_v<T>
  void put(const T& value) { object(value); }

  JsonWriter& json() { return json_; }

 private:
  JsonWriter json_{JsonWriter::Form::Canonical};
};

class Reader {
 public:
  explicit Reader(std::string& why) : why_(why) {}

  template <class T>
  void member(std::string_view name, T& value) {
    if (failed()) return;
    Level& level = levels_.back();
    if (level.next == level.members.size() || level.members[level.next].key.string() != name)
      return fail(level.next == level.members.size() ? level.object : level.members[level.next].key,
                  "expected member '" + std::string(name) + "'");
    get(level.members[level.next++].value, value);
  }
  // Everything that is in the object must have been asked for, in its order.
  template <class F>
  void inside(JsonValue value, F&& read) {
    if (value.kind() != JsonValue::Kind::Object) return fail(value, "expected an object");
    levels_.push_back({value, value.members(), 0});
    read();
    const Level& level = levels_.back();
    if (!failed() && level.next < level.members.size()) fail(level.members[level.next].key, "unknown member");
    levels_.pop_back();
  }
  bool failed() const { return !why_.empty(); }
  void fail(JsonValue at, std::string what) {
    if (!failed()) why_ = shown_pointer(at.pointer()) + ": " + std::move(what);
  }

  void get(JsonValue value, std::string& out) {
    if (value.kind() != JsonValue::Kind::String) return fail(value, "expected a text");
    out = value.string();
  }
  void get(JsonValue value, bool& out) {
    if (value.kind() != JsonValue::Kind::Boolean) return fail(value, "expected true or false");
    out = value.boolean();
  }
  void get(JsonValue value, std::int64_t& out) {
    const auto time = value.kind() == JsonValue::Kind::String ? parse_time_text(value.string()) : std::nullopt;
    if (!time) return fail(value, "expected a time in UTC");
    out = *time;
  }
  void get(JsonValue value, std::uint64_t& out) {
    if (value.kind() == JsonValue::Kind::Integer && value.integer() >= 0) {
      out = static_cast<std::uint64_t>(value.integer());
      return;
    }
    const auto number = value.kind() == JsonValue::Kind::String ? parse_number(value.string()) : std::nullopt;
    if (!number || *number <= kMaxInteger) return fail(value, "expected a count");
    out = *number;
  }
  void get(JsonValue value, std::optional<std::uint64_t>& out) {
    out.reset();
    if (value.kind() != JsonValue::Kind::Null) get(value, out.emplace());
  }
  void get(JsonValue value, GapReason& out) {
    const auto* found = value.kind() == JsonValue::Kind::String
                            ? std::find(kReasons.begin(), kReasons.end(), value.string())
                            : kReasons.end();
    if (found == kReasons.end()) return fail(value, "expected a reason");
    out = static_cast<GapReason>(found - kReasons.begin());
  }
  template <class T>
  void get(JsonValue value, std::vector<T>& out) {
    if (value.kind() != JsonValue::Kind::Array) return fail(value, "expected a list");
    for (const JsonValue item : value.items()) {
      if (failed()) return;
      get(item, out.emplace_back());
    }
  }
  template <class T>
  void get(JsonValue value, std::map<std::string, T>& out) {
    if (value.kind() != JsonValue::Kind::Object) return fail(value, "expected an object");
    for (const JsonMember& entry : value.members()) {
      if (failed()) return;
      std::string name = entry.key.string();
      if (!out.empty() && !(out.rbegin()->first < name)) return fail(entry.key, "members out of order");
      get(entry.value, out.emplace_hint(out.end(), std::move(name), T{})->second);
    }
  }
  template <class T>
  requires std::is_class_v<T>
  void get(JsonValue value, T& out) {
    inside(value, [&] { members(*this, out); });
  }

 private:
  struct Level {
    JsonValue object;
    std::vector<JsonMember> members;
    std::size_t next;
  };
  std::vector<Level> levels_;
  std::string& why_;
};

template <std::size_t I = 0>
bool emplace_by_name(std::string_view name, RecordBody& body) {
  if constexpr (I == kRecordTypes) {
    return false;
  } else {
    if (kTypes[I].name != name) return emplace_by_name<I + 1>(name, body);
    body.emplace<I>();
    return true;
  }
}

}  // namespace

std::string_view to_string(GapReason reason) { return kReasons[static_cast<std::size_t>(reason)]; }
std::string_view record_type(const RecordBody& body) { return kTypes[body.index()].name; }
bool is_urgent(const RecordBody& body) { return kTypes[body.index()].urgent; }

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
  std::visit([&](const auto& body) { writer.object(body); }, record.body);
  writer.member("seq", record.seq);
  writer.member("time", record.time);
  json.key("type");
  json.string(record_type(record.body));
  json.end_object();
  return std::move(json).take();
}

std::optional<Record> parse_record(std::string_view text, std::string& why) {
  why.clear();
  Sources sources;
  Diagnostics diagnostics;
  const auto document = parse_json(sources.add("record", std::string(text)), sources, Code::PolicySyntax, diagnostics);
  if (!document) {
    why = diagnostics.sorted().front().message;
    return std::nullopt;
  }
  Record record;
  Reader reader(why);
  const JsonValue root = document->root();
  reader.inside(root, [&] {
    std::string boottime, type;
    reader.member("boottime", boottime);
    const auto data = root.member("data"), named = root.member("type");
    if (named && named->kind() == JsonValue::Kind::String && !emplace_by_name(named->string(), record.body))
      return reader.fail(*named, "unknown type of record");
    if (!data || !named) return reader.fail(root, "expected members 'data' and 'type'");
    std::visit([&](auto& body) { reader.member("data", body); }, record.body);
    reader.member("seq", record.seq);
    reader.member("time", record.time);
    reader.member("type", type);
    const auto since_boot = parse_seconds(boottime);
    if (!since_boot) return reader.fail(root, "expected seconds in 'boottime'");
    record.boottime = *since_boot;
  });
  if (reader.failed()) return std::nullopt;
  if (to_json(record) != text) {
    why = "it is not in canonical form";
    return std::nullopt;
  }
  return record;
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
