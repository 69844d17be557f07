// One pass over libnftables' JSON, without a tree: a set may have a hundred thousand elements.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "auditor/enforcement/proof.h"
#include "auditor/evidence/crypto.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kMaxDepth = 100;

std::string length_of(std::string_view text) { return std::to_string(text.size()) + ":"; }

void append_number(std::string& to, auto number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  to.append(digits.data(), end);
}

// `mark`, the length, and the text.
void append_text(std::string& to, char mark, std::string_view text) {
  to.push_back(mark);
  append_number(to, text.size());
  to.push_back(':');
  to.append(text);
}

// The listing by table, each in a form in which no two texts can be taken for each other. Left out: "metainfo"; of
// every object its "handle"; "packets" and "bytes" of counters, "used" of quotas and of `last`; "expires"; and the
// elements of sets that packets or time change by themselves (dynamic, timeout): the verifier gives such sets any
// content, so the proof does not depend on it either. Elements of other sets are sorted: the kernel keeps no order.
class Canonical : public nlohmann::json_sax<nlohmann::json> {
 public:
  // False if the text is no listing.
  bool read(std::string_view text) { return nlohmann::json::sax_parse(text.begin(), text.end(), this) && finished_; }
  const std::map<std::string, std::string>& tables() const { return tables_; }

  bool null() override { return word('z'); }
  bool boolean(bool value) override { return word(value ? 't' : 'f'); }
  bool number_integer(number_integer_t value) override { return number(value); }
  bool number_unsigned(number_unsigned_t value) override { return number(value); }
  bool number_float(number_float_t, const string_t& value) override {
    if (begins_scalar()) append_text(text(), 'r', value);
    return good_;
  }
  bool binary(binary_t&) override { return false; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  bool string(string_t& value) override {
    if (!begins_scalar()) return good_;
    note(value);
    append_text(text(), 's', value);
    return true;
  }

  bool start_object(std::size_t) override {
    if (frames_.size() >= kMaxDepth) return false;
    if (enter_skipped()) return true;
    const std::size_t depth = frames_.size();
    if (depth == 1 || (depth == 0 && finished_)) return false;  // in the root's object stands one list
    if (depth == 2) begin_entry();
    if (depth > 2) begin_value();
    frames_.push_back({depth >= 3 ? name_of(key_) : Name::Other, depth == 3});
    if (depth > 2) text().push_back('{');
    return true;
  }

  bool key(string_t& value) override {
    if (skipped_ > 0) return true;
    key_ = value;
    if (frames_.size() == 1) return value == "nftables" && !seen_list_;
    if (frames_.size() == 3) {
      if (!kind_.empty()) return false;  // an entry is one object
      kind_ = value;
      skip_next_ = kind_ == "metainfo";
      if (!skip_next_) append_text(text(), 'k', value);
      return true;
    }
    skip_next_ = left_out(frames_.back(), value);
    if (skip_next_) return true;
    if (frames_.size() == 4 && value == "timeout") changing_ = true;
    append_text(text(), 'k', value);
    return true;
  }

  bool end_object() override {
    if (leave_skipped()) return true;
    frames_.pop_back();
    const std::size_t depth = frames_.size();
    if (depth == 0) finished_ = seen_list_;
    if (depth > 2) text().push_back('}');
    if (depth == 2) end_entry();
    return true;
  }

  bool start_array(std::size_t) override {
    if (frames_.size() >= kMaxDepth) return false;
    if (enter_skipped()) return true;
    const std::size_t depth = frames_.size();
    if (depth == 0 || depth == 2 || (depth == 1 && seen_list_)) return false;
    if (depth == 1) seen_list_ = true;
    if (depth > 2) begin_value();
    const bool elements = depth == 4 && (kind_ == "set" || kind_ == "map") && key_ == "elem";
    frames_.push_back({name_of(key_), false});
    if (depth > 2) text().push_back('[');
    in_elements_ = in_elements_ || elements;
    return true;
  }

  bool end_array() override {
    if (leave_skipped()) return true;
    frames_.pop_back();
    if (in_elements_ && frames_.size() == 4) in_elements_ = false;
    if (frames_.size() > 2) text().push_back(']');
    return true;
  }

 private:
  // The keys of which something is left out.
  enum class Name : std::uint8_t { Other, Counter, Quota, Last, Element, Flags };
  struct Frame {
    Name name = Name::Other;  // of the key whose value it is
    bool body = false;        // of an entry: {"rule": {…}}
  };
  static Name name_of(std::string_view key) {
    if (key == "counter") return Name::Counter;
    if (key == "quota") return Name::Quota;
    if (key == "last") return Name::Last;
    if (key == "elem") return Name::Element;
    return key == "flags" ? Name::Flags : Name::Other;
  }

  std::string& text() { return in_elements_ ? elements_ : entry_; }

  static bool left_out(const Frame& frame, std::string_view key) {
    if (frame.body && key == "handle") return true;
    if (key == "packets" || key == "bytes") return frame.name == Name::Counter;
    if (key == "used" || key == "used_unit") return frame.name == Name::Quota || frame.name == Name::Last;
    return key == "expires" && frame.name == Name::Element;
  }

  bool enter_skipped() {
    if (skipped_ == 0 && !skip_next_) return false;
    skip_next_ = false;
    ++skipped_;
    frames_.push_back({});
    return true;
  }
  bool leave_skipped() {
    if (skipped_ == 0) return false;
    --skipped_;
    frames_.pop_back();
    return true;
  }

  // Where an element begins.
  void begin_value() {
    if (in_elements_ && frames_.size() == 5) starts_.push_back(elements_.size());
  }

  // Whether a value without others in it is to be written; if not, `good_` says whether it may stand there.
  bool begins_scalar() {
    if (skipped_ > 0 || std::exchange(skip_next_, false)) return false;
    good_ = frames_.size() >= 4;
    if (good_) begin_value();
    return good_;
  }
  bool word(char letter) {
    if (begins_scalar()) text().push_back(letter);
    return good_;
  }
  bool number(auto value) {
    if (!begins_scalar()) return good_;
    text().push_back('n');
    append_number(text(), value);
    text().push_back(';');
    return true;
  }

  void note(const std::string& value) {
    if (frames_.size() == 4) {
      if (key_ == "family") family_ = value;
      if (key_ == "table" || (key_ == "name" && kind_ == "table")) table_ = value;
    }
    const bool flags =
        (frames_.size() == 4 && key_ == "flags") || (frames_.size() == 5 && frames_[4].name == Name::Flags);
    if (flags && (kind_ == "set" || kind_ == "map") && (value == "dynamic" || value == "timeout")) changing_ = true;
  }

  void begin_entry() {
    entry_.clear();
    elements_.clear();
    starts_.clear();
    kind_.clear();
    family_.clear();
    table_.clear();
    changing_ = false;
  }

  void end_entry() {
    if (kind_ == "metainfo") return;
    std::string& into = tables_[length_of(family_) + family_ + length_of(table_) + table_];
    into += entry_;
    if (changing_) {
      into += "changes by itself;";
      return;
    }
    std::vector<std::string_view> elements;
    for (std::size_t i = 0; i < starts_.size(); ++i) {
      const std::size_t end = i + 1 < starts_.size() ? starts_[i + 1] : elements_.size();
      elements.push_back(std::string_view(elements_).substr(starts_[i], end - starts_[i]));
    }
    std::sort(elements.begin(), elements.end());
    for (const std::string_view element : elements) append_text(into, 'e', element);
  }

  std::vector<Frame> frames_;
  std::size_t skipped_ = 0;  // objects and lists that are open within one that is left out
  bool skip_next_ = false;
  bool seen_list_ = false;
  bool good_ = true;
  bool finished_ = false;
  bool in_elements_ = false;
  bool changing_ = false;
  std::string key_;
  std::string kind_;
  std::string family_;
  std::string table_;
  std::string entry_;
  std::string elements_;
  std::vector<std::size_t> starts_;
  std::map<std::string, std::string> tables_;
};

// "[12:3456]" of iptables-save, at the end of a chain or, with -c, before a rule.
std::string_view without_counters(std::string_view line) {
  const auto is_count = [](std::string_view text) {
    const std::size_t colon = text.find(':');
    return text.size() > 3 && text.front() == '[' && text.back() == ']' && colon != std::string_view::npos &&
           text.find_first_not_of("0123456789:[]") == std::string_view::npos;
  };
  if (line.starts_with(':')) {
    const std::size_t space = line.rfind(' ');
    if (space != std::string_view::npos && is_count(line.substr(space + 1))) return line.substr(0, space);
  }
  if (line.starts_with('[')) {
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos && is_count(line.substr(0, space))) return line.substr(space + 1);
  }
  return line;
}

// Tables in the order of their names; the lines of each as they stand.
std::map<std::string, std::string> tables_of_save(std::string_view text) {
  std::map<std::string, std::string> tables;
  std::string table;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with("# Generated by") || line.starts_with("# Completed on") || line.empty()) continue;
    if (line.starts_with('*')) table = std::string(line);
    line = without_counters(line);
    tables[table].append(line).push_back('\n');
    if (line == "COMMIT") table.clear();
  }
  return tables;
}

std::string normal_form(const RulesetDump& dump) {
  std::map<std::string, std::string> tables;
  if (dump.tool.starts_with("nft ")) {
    Canonical canonical;
    if (!canonical.read(dump.text)) return "no listing " + length_of(dump.text) + dump.text;
    tables = canonical.tables();
  } else {
    tables = tables_of_save(dump.text);
  }
  std::string text;
  for (const auto& [name, rules] : tables) {
    const Hash hash = sha256({rules});
    text += length_of(name) + name;
    text += bytes_of(hash);
  }
  return text;
}

}  // namespace

std::string ruleset_digest(const std::vector<RulesetDump>& dumps) {
  std::vector<std::string> texts;
  for (const RulesetDump& dump : dumps) {
    const Hash hash = sha256({dump.failed ? std::string() : normal_form(dump)});
    texts.push_back(length_of(dump.tool) + dump.tool + (dump.failed ? "failed " : "read ") + length_of(dump.error) +
                    dump.error + std::string(bytes_of(hash)));
  }
  std::sort(texts.begin(), texts.end());
  std::string all;
  for (const std::string& text : texts) all += length_of(text) + text;
  return "sha256:" + to_hex(bytes_of(sha256({all})));
}

}  // namespace airtight::audit
