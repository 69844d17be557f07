#include "compiler/verify/kubernetes/fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include "compiler/policy/diagnostic.h"

namespace airtight::verify {
namespace {

constexpr std::array<std::string_view, 6> kKindNames{"null", "a boolean", "a number", "a string", "a list", "a map"};

std::string_view name_of(Value::Kind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

constexpr std::array<std::string_view, 6> kShapeNames{"anything", "a map",      "a list",
                                                      "a string", "an integer", "an integer or a string"};

bool has_shape(const Value& value, Shape shape) {
  switch (shape) {
    case Shape::Any:
      return true;
    case Shape::Map:
      return value.is_map();
    case Shape::List:
      return value.is_list();
    case Shape::String:
      return value.is_string();
    case Shape::Integer:
      return integer(value).has_value();
    case Shape::IntegerOrString:
      return value.is_string() || integer(value).has_value();
  }
  return false;
}

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z'); }

bool is_dns_label(std::string_view text) {
  return !text.empty() && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

// The part of a label key behind the slash, and label values.
bool is_label_name(std::string_view text) {
  const auto inner = [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; };
  return !text.empty() && text.size() <= 63 && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(), inner);
}

// "010.001.0.0/08" -> "10.1.0.0/8"; of IPv6 only the length.
std::string without_leading_zeros(std::string_view text) {
  std::string result;
  bool plain = text.find(':') != std::string_view::npos;
  for (std::size_t i = 0; i < text.size(); ++i) {
    plain = plain && text[i] != '/';
    const bool starts = !plain && (i == 0 || !is_digit(text[i - 1]));
    while (starts && text[i] == '0' && i + 1 < text.size() && is_digit(text[i + 1])) ++i;
    result += text[i];
  }
  return result;
}

const Prefix kMapped = *Prefix::parse("::ffff:0:0/96");

void note_not_understood(const PolicyRule& rule, ReaderContext context) {
  const auto note = [&](Span where, const std::string& why) {
    context.cluster.not_understood.push_back(
        {Rule::RuleNotUnderstood, where, to_string(context.ref), rule.text + ": " + why});
  };
  for (const RulePeer& peer : rule.peers) {
    if (peer.kind == RulePeer::Kind::NotUnderstood) note(peer.span, peer.why_not);
  }
  if (!rule.understood) note(rule.span, rule.why_not);
}

void check_strings(const Value& map, std::string_view key, Faults& faults) {
  const Within within(faults, key);
  for (const Member& member : map.members) {
    if (!member.value.is_string() && !member.value.is_null()) {
      faults.push_back(
          {member.value.span, member.key + " is " + std::string(name_of(member.value.kind)) + ", not a string"});
    }
  }
}

}  // namespace

const Value* field(const Value& map, std::string_view key) {
  const Value* found = map.find(key);
  return found != nullptr && !found->is_null() ? found : nullptr;
}

const Value* field(const Value& map, std::initializer_list<std::string_view> path) {
  const Value* value = &map;
  for (const std::string_view key : path) {
    if (value != nullptr) value = field(*value, key);
  }
  return value;
}

std::string_view text_of(const Value& map, std::string_view key) {
  const Value* value = field(map, key);
  return value != nullptr && value->is_string() ? std::string_view(value->text) : std::string_view();
}

std::span<const Value> list_of(const Value& map, std::string_view key) {
  const Value* value = field(map, key);
  return value != nullptr ? std::span<const Value>(value->items) : std::span<const Value>();
}

bool is_true(const Value& map, std::string_view key) {
  const Value* value = field(map, key);
  return value != nullptr && value->kind == Value::Kind::Bool && value->text == "true";
}

std::optional<std::int64_t> integer(const Value& value) {
  if (value.kind != Value::Kind::Number) return std::nullopt;
  std::string digits;
  std::copy_if(value.text.begin(), value.text.end(), std::back_inserter(digits), [](char c) { return c != '_'; });
  std::string_view rest = digits;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  int base = 10;
  constexpr std::array<std::pair<std::string_view, int>, 4> kBases{{{"0x", 16}, {"0o", 8}, {"0b", 2}, {"0", 8}}};
  for (const auto& [prefix, of] : kBases) {
    if (rest.size() <= prefix.size() || !rest.starts_with(prefix)) continue;
    base = of;
    rest.remove_prefix(prefix.size());
    break;
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number, base);
  if (error != std::errc() || end != rest.data() + rest.size() || rest.starts_with('-')) return std::nullopt;
  return negative ? -number : number;
}

Labels string_members(const Value* map) {
  Labels labels;
  if (map == nullptr) return labels;
  for (const Member& member : map->members) {
    if (member.value.is_string() || member.value.is_null()) labels.emplace(member.key, member.value.text);
  }
  return labels;
}

void remark(ReaderContext context, Rule rule, Span where, std::string message) {
  context.cluster.remarks.push_back({rule, where, to_string(context.ref), std::move(message)});
}

Within::~Within() {
  for (std::size_t i = from_; i < faults_.size(); ++i) {
    std::string& message = faults_[i].message;
    std::string path(key_);
    if (index_) path.append("[").append(std::to_string(*index_)).append("]");
    path += message.starts_with("is ") || message.starts_with("has ") ? ' ' : '.';
    message.insert(0, path);
  }
}

bool check_fields(const Value& map, std::initializer_list<FieldShape> known, Faults& faults) {
  if (map.is_null()) return true;
  if (!map.is_map()) {
    faults.push_back({map.span, "is " + std::string(name_of(map.kind)) + ", not a map"});
    return false;
  }
  for (const Member& member : map.members) {
    const auto* row =
        std::find_if(known.begin(), known.end(), [&](const FieldShape& f) { return f.key == member.key; });
    if (row == known.end()) {
      faults.push_back(
          {member.key_span, printable(member.key) + " is an unknown field", SelectorFault::Kind::UnknownField});
    } else if (!member.value.is_null() && !has_shape(member.value, row->shape)) {
      faults.push_back({member.value.span, member.key + " is " + std::string(name_of(member.value.kind)) + ", not " +
                                               std::string(kShapeNames[static_cast<std::size_t>(row->shape)])});
    }
  }
  return true;
}

void check_object(const Value& object, Faults& faults) {
  check_fields(object,
               {{"apiVersion", Shape::String},
                {"kind", Shape::String},
                {"metadata", Shape::Map},
                {"spec", Shape::Map},
                {"status", Shape::Any}},
               faults);
  const Value* metadata = field(object, "metadata");
  if (metadata == nullptr || !metadata->is_map()) return;
  const Within within(faults, "metadata");
  check_fields(*metadata,
               {{"name", Shape::String},
                {"generateName", Shape::String},
                {"namespace", Shape::String},
                {"labels", Shape::Map},
                {"annotations", Shape::Map},
                {"uid", Shape::Any},
                {"resourceVersion", Shape::Any},
                {"generation", Shape::Any},
                {"creationTimestamp", Shape::Any},
                {"deletionTimestamp", Shape::Any},
                {"deletionGracePeriodSeconds", Shape::Any},
                {"ownerReferences", Shape::Any},
                {"finalizers", Shape::Any},
                {"managedFields", Shape::Any},
                {"selfLink", Shape::Any},
                {"clusterName", Shape::Any}},
               faults);
  if (const Value* name = field(*metadata, "name"); name != nullptr && name->is_string()) {
    const std::string why = why_not_subdomain(name->text);
    if (!why.empty()) faults.push_back({name->span, "name " + why});
  }
  for (const std::string_view key : {"labels", "annotations"}) {
    if (const Value* map = field(*metadata, key)) check_strings(*map, key, faults);
  }
  if (const Value* labels = field(*metadata, "labels")) {
    const Within in_labels(faults, "labels");
    for (const Member& label : labels->members) {
      std::string why = why_not_label_key(label.key);
      if (why.empty() && label.value.is_string()) why = why_not_label_value(label.value.text);
      if (!why.empty()) faults.push_back({label.key_span, printable(label.key) + " " + why});
    }
  }
}

std::string why_not_label_key(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos && !why_not_subdomain(text.substr(0, slash)).empty()) {
    return "is no label key: the part before the slash is no DNS name";
  }
  if (!is_label_name(slash == std::string_view::npos ? text : text.substr(slash + 1))) {
    return "is no label key: 1 to 63 letters, digits, '-', '_' or '.' that start and end with a letter or digit";
  }
  return {};
}

std::string why_not_label_value(std::string_view text) {
  if (text.empty() || is_label_name(text)) return {};
  return "is " + quoted(text) + ", which is no label value";
}

std::string why_not_subdomain(std::string_view text) {
  bool good = !text.empty() && text.size() <= 253;
  for (std::size_t begin = 0; good && begin <= text.size();) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    good = is_dns_label(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return good ? std::string() : "is " + quoted(text) + ", which is no DNS name in lower case";
}

std::string why_not_port_name(std::string_view text) {
  const bool good = text.size() <= 15 && is_dns_label(text) && text.find("--") == std::string_view::npos &&
                    std::any_of(text.begin(), text.end(), is_lower);
  return good ? std::string()
              : "is " + quoted(text) +
                    ", which is no port name: 1 to 15 lower-case letters, digits and single hyphens, " +
                    "a letter among them";
}

std::optional<Protocol> read_protocol(std::string_view text) {
  if (text == "TCP") return Protocol::Tcp;
  if (text == "UDP") return Protocol::Udp;
  if (text == "SCTP") return Protocol::Sctp;
  return std::nullopt;
}

std::optional<std::uint16_t> read_port_number(const Value& value) {
  Value number = value;
  if (value.is_string() && !value.text.empty() && std::all_of(value.text.begin(), value.text.end(), is_digit)) {
    number.kind = Value::Kind::Number;
    number.text.erase(0, std::min(value.text.find_first_not_of('0'), value.text.size() - 1));
  }
  const std::optional<std::int64_t> read = integer(number);
  if (!read || *read < 1 || *read > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*read);
}

std::optional<ReadPrefix> read_prefix(std::string_view text, bool sloppy) {
  std::string plain = sloppy ? without_leading_zeros(text) : std::string(text);
  std::optional<Prefix> prefix = Prefix::parse(plain);
  if (!prefix) prefix = masked_prefix(plain);
  if (!prefix) return std::nullopt;
  ReadPrefix read{*prefix, IpSet::of(*prefix), {}, {}};
  if (to_string(*prefix) != plain && !Prefix::parse(plain)) read.noted = "is read as " + to_string(*prefix);
  if (plain != text) {
    read.noted = "is read as " + to_string(*prefix);
    if (prefix->family() == Family::V4) read.doubt = "leading zeros, which some plugins refuse or read as octal";
  }
  if (kMapped.contains(*prefix)) {
    const Ip v4 = Ip::v4(static_cast<std::uint32_t>(prefix->first().bits()));
    read.addresses |= IpSet::of(Prefix::containing(v4, prefix->length() - 96));
    read.doubt = "an IPv4-mapped prefix, which plugins read as IPv4 or as IPv6";
  }
  return read;
}

void add_policy(PolicyObject&& policy, const Faults& faults, ReaderContext context) {
  for (const SelectorFault& fault : faults) {
    switch (fault.kind) {
      case SelectorFault::Kind::Refused:
        policy.refused = true;
        remark(context, Rule::RefusedObject, fault.where, "the API server would refuse it: " + fault.message);
        break;
      case SelectorFault::Kind::UnknownField:
        policy.doubtful = true;
        if (policy.why_doubtful.empty()) policy.why_doubtful = fault.message;
        remark(context, Rule::UnknownField, fault.where, fault.message);
        break;
      case SelectorFault::Kind::Noted:
        remark(context, Rule::FieldNotUnderstood, fault.where, fault.message);
        break;
    }
  }
  for (const std::vector<PolicyRule>* rules : {&policy.ingress, &policy.egress}) {
    if (policy.refused) break;  // nobody has to understand it
    for (const PolicyRule& rule : *rules) note_not_understood(rule, context);
  }
  context.cluster.policies.push_back(std::move(policy));
}

}  // namespace airtight::verify
