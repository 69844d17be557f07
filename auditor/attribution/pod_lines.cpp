// parse_pods(): the lines of the file, and that no two of them speak of one interface or address at one time.
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <set>

#include "auditor/attribution/pods.h"
#include "compiler/policy/compiled_policy.h"  // parse_json(), printable()

namespace airtight::audit {
namespace {

constexpr std::size_t kMaxLine = 65'536;
constexpr std::size_t kMaxErrors = 20;
constexpr std::size_t kMaxAddresses = 64;  // of an entry

// The names that Linux gives to devices: up to 15 bytes, no white space, no '/', not "." or "..".
bool is_interface(std::string_view name) {
  return !name.empty() && name.size() <= 15 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 127 && c != '/'; });
}

// Names of Kubernetes: lower case letters, digits, '-' inside, and '.' between labels where `dots` are allowed.
bool is_object_name(std::string_view name, std::size_t most, bool dots) {
  if (name.empty() || name.size() > most) return false;
  char before = '.';
  for (const char c : name) {
    const bool sign = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!sign && ((c != '-' && !(c == '.' && dots)) || before == '.' || (c == '.' && before == '-'))) return false;
    before = c;
  }
  return before != '.' && before != '-';
}

// RFC 3339 in UTC: "2026-11-25T13:00:00.5Z"; the years 1678 to 2261.
std::optional<std::int64_t> parse_utc(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() <= kForm.size() || text.back() != 'Z') return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i)
    if (kForm[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != kForm[i]) return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t size) {
    int value = 0;
    for (const char c : text.substr(at, size)) value = value * 10 + (c - '0');
    return value;
  };
  const int year = number(0, 4), hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  if (!date.ok() || year < 1678 || year > 2261 || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  std::int64_t fraction = 0, unit = 1'000'000'000;
  if (std::string_view rest = text.substr(kForm.size(), text.size() - kForm.size() - 1); !rest.empty()) {
    if (rest.front() != '.' || rest.size() < 2 || rest.size() > 10) return std::nullopt;
    for (const char c : rest.substr(1)) {
      if (c < '0' || c > '9') return std::nullopt;
      fraction += (c - '0') * (unit /= 10);
    }
  }
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (days * 86'400 + hour * 3600 + minute * 60 + second) * 1'000'000'000 + fraction;
}

class LineOfPods {
 public:
  // Empty, with the reason.
  std::optional<PodEntry> read(std::string_view text, std::string& why) {
    Sources sources;
    Diagnostics diagnostics;
    const auto document = parse_json(sources.add("line", std::string(text)), sources, Code::PolicySyntax, diagnostics);
    if (!document) {
      why = diagnostics.sorted().front().message;
      return std::nullopt;
    }
    const JsonValue root = document->root();
    if (root.kind() != JsonValue::Kind::Object) {
      why = "expected an object";
      return std::nullopt;
    }
    for (const JsonMember& member : root.members()) {
      const std::string name = member.key.string();
      if (name == "interface") {
        text_of(member.value, entry_.interface, is_interface, "an interface's name");
      } else if (name == "namespace") {
        text_of(
            member.value, entry_.ns, [](auto ns) { return is_object_name(ns, 63, false); }, "a namespace");
      } else if (name == "name") {
        text_of(
            member.value, entry_.name, [](auto pod) { return is_object_name(pod, 253, true); }, "a pod's name");
      } else if (name == "addresses") {
        addresses(member.value);
      } else if (name == "from") {
        time(member.value, entry_.from);
      } else if (name == "to") {
        time(member.value, entry_.to);
      } else {
        fail(member.key, "unknown member");
      }
    }
    if (entry_.ns.empty()) fail(root, "expected member 'namespace'");
    if (entry_.name.empty()) fail(root, "expected member 'name'");
    if (entry_.interface.empty() && entry_.addresses.empty()) fail(root, "expected 'interface' or 'addresses'");
    if (entry_.from >= entry_.to) fail(root, "it ends before it begins");
    why = why_;
    return why_.empty() ? std::optional(entry_) : std::nullopt;
  }

 private:
  void fail(JsonValue at, const std::string& what) {
    if (why_.empty()) why_ = shown_pointer(at.pointer()) + ": " + what;
  }
  template <class Check>
  void text_of(JsonValue value, std::string& out, Check&& good, const char* what) {
    if (value.kind() == JsonValue::Kind::String) out = value.string();
    if (value.kind() != JsonValue::Kind::String || !good(out)) fail(value, std::string("expected ") + what);
  }
  void time(JsonValue value, std::int64_t& out) {
    if (value.kind() == JsonValue::Kind::Null) return;
    const auto read = value.kind() == JsonValue::Kind::String ? parse_utc(value.string()) : std::nullopt;
    if (!read) return fail(value, "expected a time in UTC or null");
    out = *read;
  }
  void addresses(JsonValue value) {
    if (value.kind() != JsonValue::Kind::Array) return fail(value, "expected a list of addresses");
    for (const JsonValue item : value.items()) {
      const auto read = item.kind() == JsonValue::Kind::String ? Ip::parse(item.string()) : std::nullopt;
      if (!read) return fail(item, "expected an address");
      auto& list = entry_.addresses;
      if (std::find(list.begin(), list.end(), *read) != list.end()) return fail(item, "the address is there twice");
      if (list.size() == kMaxAddresses) return fail(item, "more than " + std::to_string(kMaxAddresses) + " addresses");
      list.push_back(*read);
    }
  }

  PodEntry entry_;
  std::string why_;
};

}  // namespace

std::vector<PodEntry> parse_pods(std::string_view text, std::string_view path, std::vector<std::string>& errors) {
  const std::size_t before = errors.size();
  const auto fail = [&](std::size_t line, const std::string& what) {
    errors.push_back(std::string(path) + ":" + std::to_string(line) + ": " + what);
    return errors.size() - before < kMaxErrors;
  };
  std::vector<PodEntry> entries;
  std::vector<std::size_t> lines;  // of each
  // Of one interface or address: when each of its entries begins, and which one.
  std::map<std::string, std::map<std::int64_t, std::size_t>, std::less<>> spans;
  const auto clash = [&](const std::string& what, std::size_t index) -> std::optional<std::size_t> {
    auto& times = spans[what];
    const auto next = times.lower_bound(entries[index].from);
    if (next != times.end() && next->first < entries[index].to) return next->second;
    if (next != times.begin() && entries[std::prev(next)->second].to > entries[index].from)
      return std::prev(next)->second;
    times.emplace(entries[index].from, index);
    return std::nullopt;
  };
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (one.empty()) continue;
    std::string why;
    std::optional<PodEntry> entry;
    if (entries.size() == kMaxPods) {
      fail(line, "more than " + std::to_string(kMaxPods) + " entries");
      break;
    }
    if (one.size() > kMaxLine) {
      why = "longer than " + std::to_string(kMaxLine) + " bytes";
    } else {
      entry = LineOfPods().read(one, why);
    }
    if (!entry) {
      if (!fail(line, why)) break;
      continue;
    }
    entries.push_back(std::move(*entry));
    lines.push_back(line);
    const std::size_t index = entries.size() - 1;
    std::vector<std::pair<std::string, std::string>> things;  // as the table knows it, as people do
    if (const std::string& name = entries[index].interface; !name.empty())
      things.emplace_back("interface " + name, "interface '" + name + "'");
    for (const Ip& address : entries[index].addresses) {
      const std::string shown = to_string(address);
      things.emplace_back("address " + shown, "address " + shown);
    }
    bool more = true;
    for (const auto& [key, shown] : things)
      if (const auto other = clash(key, index))
        more = fail(line, shown + " has an entry of the same time in line " + std::to_string(lines[*other]));
    if (!more) break;
  }
  if (errors.size() != before) entries.clear();
  return entries;
}

}  // namespace airtight::audit
