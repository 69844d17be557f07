// parse_record(): reads exactly what to_json() writes, byte by byte, so that a record has one text and reading it costs
// one pass.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <set>
#include <utility>

#include "auditor/evidence/record_shapes.h"
#include "auditor/evidence/text_fields.h"
#include "compiler/policy/compiled_policy.h"  // printable()

namespace airtight::audit {
namespace {

constexpr std::uint64_t kBillion = 1'000'000'000;

// Seconds with up to nine digits of fraction, none of them a trailing zero.
std::optional<std::int64_t> parse_seconds(std::string_view text) {
  const std::size_t dot = text.find('.');
  const auto whole = parse_number(text.substr(0, dot));
  if (!whole || *whole > 9'000'000'000) return std::nullopt;
  std::uint64_t fraction = 0;
  if (dot != std::string_view::npos) {
    const std::string_view digits = text.substr(dot + 1);
    if (digits.empty() || digits.size() > 9 || digits.back() == '0') return std::nullopt;
    for (std::size_t i = 0; i < 9; ++i) {
      const char digit = i < digits.size() ? digits[i] : '0';
      if (digit < '0' || digit > '9') return std::nullopt;
      fraction = fraction * 10 + static_cast<std::uint64_t>(digit - '0');
    }
  }
  return static_cast<std::int64_t>(*whole * kBillion + fraction);
}

struct SinceBoot {
  std::int64_t nanoseconds = 0;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool failed() const { return !what_.empty(); }
  std::string why() const { return (path_.empty() ? "the top level" : shown_pointer(path_)) + ": " + what_; }
  bool at_end() const { return at_ == end_; }

  // The inside of an object: its members in order, no other, no space.
  template <class F>
  void object(F&& inside) {
    if (!take('{')) return fail("expected an object");
    comma_ = false;
    inside();
    if (!failed() && !take('}')) fail("another member, or white space, where it should end");
    comma_ = true;
  }
  template <class T>
  void member(std::string_view name, T& value) {
    if (failed()) return;
    if (!take_key(name)) {
      if constexpr (!Leaveable<T>) fail("expected member '" + std::string(name) + "'");
      return;
    }
    get(value);
    if constexpr (Leaveable<T>)
      if (!failed() && is_left_out(value)) fail("empty, and so not written");
    if (failed()) step_out(name);
    comma_ = true;
  }
  template <class... Parts>
  void row(Parts&... parts) {
    if (!take('[')) return fail("expected a list");
    std::size_t index = 0;
    (part(index, parts), ...);
    if (!failed() && !take(']')) fail("expected a list of " + std::to_string(sizeof...(Parts)));
  }
  void planned(std::string_view name, std::vector<PlannedCanary>& canaries) {
    std::vector<std::vector<std::string>> groups;
    member(name, groups);
    for (const auto& group : groups) {
      if (failed()) return;
      if (group.size() < 3) return fail("expected a kind, an interface and families in '" + std::string(name) + "'");
      if (!canaries.empty() && canaries.back().kind == group[0] && canaries.back().interface == group[1])
        return fail("two rows in '" + std::string(name) + "' that are one");
      for (std::size_t i = 2; i < group.size(); ++i) canaries.push_back({group[0], group[i], group[1]});
    }
  }
  void different(std::string_view name, std::vector<CanaryOutcome>&) { member(name, kinds_); }
  // The outcomes in their order, each kind first named in the order of the list of kinds, and no kind twice.
  void which(std::string_view name, std::vector<CanaryOutcome>& outcomes) {
    std::vector<std::uint64_t> indices;
    member(name, indices);
    if (failed()) return;
    std::size_t named = 0;
    for (const std::uint64_t index : indices) {
      if (index > named || index >= kinds_.size()) return fail("'" + std::string(name) + "' are not those of 'fates'");
      if (index == named) ++named;
      outcomes.push_back(kinds_[index]);
    }
    std::set<std::array<std::string_view, 3>> different;
    for (const CanaryOutcome& kind : kinds_) different.insert({kind.fate, kind.blocked_by, kind.detail});
    if (named != kinds_.size() || different.size() != kinds_.size()) fail("'fates' that no canary had, or twice");
  }

  void get(SinceBoot& out) {
    std::string_view text;
    const auto value = take_plain(text) ? parse_seconds(text) : std::nullopt;
    if (!value) return fail("expected seconds");
    out.nanoseconds = *value;
  }
  void get(std::string& out) {
    bool plain = false;
    std::string_view raw;
    if (!take_text(raw, plain)) return fail("expected a text");
    if (plain) {
      out.assign(raw);
      return;
    }
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\\' && raw[++i] != '"' && raw[i] != '\\') return fail("not in canonical form");
      out += raw[i];
    }
    if (printable(out) != out) fail("not in canonical form");
  }
  void get(bool& out) {
    out = take_word("true");
    if (!out && !take_word("false")) fail("expected true or false");
  }
  void get(std::int64_t& out) {
    std::string_view text;
    const auto time = take_plain(text) ? parse_time_text(text) : std::nullopt;
    if (!time) return fail("expected a time in UTC");
    out = *time;
  }
  void get(std::uint64_t& out) {
    std::string_view text;
    if (take_plain(text)) {
      const auto number = parse_number(text);
      if (!number || *number <= kMaxInteger) return fail("expected a count");
      out = *number;
      return;
    }
    const auto [rest, error] = std::from_chars(at_, end_, out);
    if (error != std::errc() || out > kMaxInteger || (*at_ == '0' && rest - at_ > 1)) return fail("expected a count");
    at_ = rest;
  }
  template <class T>
  void get(std::optional<T>& out) {
    get(out.emplace());
  }
  void get(GapReason& out) {
    std::string_view text;
    const auto* found = take_plain(text) ? std::find(kReasons.begin(), kReasons.end(), text) : kReasons.end();
    if (found == kReasons.end()) return fail("expected a reason");
    out = static_cast<GapReason>(found - kReasons.begin());
  }
  template <class T>
  void get(std::vector<T>& out) {
    if (!take('[')) return fail("expected a list");
    if (take(']')) return;
    do {
      get(out.emplace_back());
      if (failed()) return step_out(std::to_string(out.size() - 1));
    } while (take(','));
    if (!take(']')) fail("expected a list");
  }
  template <class T>
  void get(std::map<std::string, T>& out) {
    if (!take('{')) return fail("expected an object");
    if (take('}')) return;
    do {
      std::string name;
      get(name);
      if (!failed() && (!is_plain(name) || (!out.empty() && !(out.rbegin()->first < name)) || !take(':')))
        fail("names that are not in order, or no names");
      if (failed()) return;
      T& value = out.emplace_hint(out.end(), std::move(name), T{})->second;
      get(value);
      if (failed()) return step_out(out.rbegin()->first);
    } while (take(','));
    if (!take('}')) fail("expected an object");
  }
  template <class T>
  requires std::is_class_v<T>
  void get(T& out) {
    if constexpr (kIsRow<T>)
      members(*this, out);
    else
      object([&] { members(*this, out); });
  }

 private:
  void fail(std::string what) {
    if (!failed()) what_ = std::move(what);
  }
  // An error inside belongs to this member or element of what is around it.
  void step_out(std::string_view name) { path_ = "/" + std::string(name) + path_; }

  template <class T>
  void part(std::size_t& index, T& value) {
    if (failed()) return;
    if (index > 0 && !take(',')) return fail("the list is too short");
    get(value);
    if (failed()) step_out(std::to_string(index));
    ++index;
  }

  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (static_cast<std::size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0)
      return false;
    at_ += word.size();
    return true;
  }
  bool take_key(std::string_view name) {
    const char* const before = at_;
    if ((!comma_ || take(',')) && take('"') && take_word(name) && take('"') && take(':')) return true;
    at_ = before;
    return false;
  }
  // What stands between the quotes; `plain` if it stands for itself.
  bool take_text(std::string_view& raw, bool& plain) {
    if (at_ == end_ || *at_ != '"') return false;
    plain = true;
    for (const char* p = at_ + 1; p != end_; ++p) {
      if (*p == '"') {
        raw = {at_ + 1, static_cast<std::size_t>(p - at_ - 1)};
        at_ = p + 1;
        return true;
      }
      if (*p >= ' ' && *p < 127 && *p != '\\') continue;
      plain = false;
      if (*p == '\\' && ++p == end_) return false;
    }
    return false;
  }
  bool take_plain(std::string_view& text) {
    bool plain = false;
    return take_text(text, plain) && plain;
  }

  const char* at_;
  const char* end_;
  bool comma_ = false;  // a member came before in this object
  std::string what_, path_;
  std::vector<CanaryOutcome> kinds_;
};

// The last member, which says what the one before it is.
std::optional<std::string_view> type_of(std::string_view text) {
  constexpr std::string_view kBefore = ",\"type\":\"", kAfter = "\"}";
  const std::size_t at = text.rfind(kBefore);
  if (at == std::string_view::npos || text.size() < at + kBefore.size() + kAfter.size() ||
      text.substr(text.size() - kAfter.size()) != kAfter)
    return std::nullopt;
  return text.substr(at + kBefore.size(), text.size() - at - kBefore.size() - kAfter.size());
}

template <std::size_t I = 0>
bool emplace_by_name(std::string_view name, RecordBody& body) {
  if constexpr (I == kRecordTypes) {
    return false;
  } else {
    if (kTypeNames[I] != name) return emplace_by_name<I + 1>(name, body);
    body.emplace<I>();
    return true;
  }
}

}  // namespace

std::optional<Record> parse_record(std::string_view text, std::string& why) {
  why.clear();
  Record record;
  const auto named = type_of(text);
  if (!named || !emplace_by_name(*named, record.body)) {
    why = named ? "/type: unknown type of record" : "the top level: expected a record, 'type' its last member";
    return std::nullopt;
  }
  Reader reader(text);
  std::string type;
  reader.object([&] {
    SinceBoot boottime;
    reader.member("boottime", boottime);
    std::visit([&](auto& body) { reader.member("data", body); }, record.body);
    reader.member("seq", record.seq);
    reader.member("time", record.time);
    reader.member("type", type);
    record.boottime = boottime.nanoseconds;
  });
  if (!reader.failed() && reader.at_end() && type == *named) return record;
  why = reader.failed() ? reader.why() : "the top level: something follows";
  return std::nullopt;
}

}  // namespace airtight::audit
