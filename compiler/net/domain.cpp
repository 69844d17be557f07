#include "compiler/net/domain.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>

#include "compiler/net/excerpt.h"
#include "compiler/net/idna.h"

namespace airtight {
namespace {

using Why = std::string*;  // where to write the reason; null while nobody asks

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestText = 253;  // 255 octets on the wire: one length octet more than dots, and the root's

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool all_digits(std::string_view text) { return std::all_of(text.begin(), text.end(), is_digit); }
bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::nullopt_t fail(Why why, std::string_view reason) {
  if (why != nullptr) *why = reason;
  return std::nullopt;
}
std::nullopt_t fail(Why why, std::string_view before, std::string_view input, std::string_view after) {
  if (why != nullptr) *why = std::string(before) + excerpt(input) + std::string(after);
  return std::nullopt;
}

// What inet_aton reads as a number: decimal, or hexadecimal after "0x".
bool is_number(std::string_view label) {
  if (all_digits(label)) return true;
  const std::string_view digits = label.substr(std::min<std::size_t>(2, label.size()));
  return label.substr(0, 2) == "0x" && digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool check_label(std::string_view label, Why why) {
  if (label.empty()) return fail(why, "a label is empty"), false;
  if (label.size() > kLongestLabel) {
    return fail(why, "label ", label, " is " + std::to_string(label.size()) + " octets long; 63 are allowed"), false;
  }
  for (const char c : label) {
    if (is_lower(c) || is_digit(c) || c == '-' || c == '_') continue;
    if (why != nullptr) *why = name_of(static_cast<unsigned char>(c)) + " is not part of a name";
    return false;
  }
  if (label.front() == '-') return fail(why, "label ", label, " starts with a hyphen"), false;
  if (label.back() == '-') return fail(why, "label ", label, " ends with a hyphen"), false;
  if (label.substr(0, 4) == "xn--" && !is_a_label(label)) {
    return fail(why, "label ", label, " starts with \"xn--\" but is not valid Punycode"), false;
  }
  return true;
}

// Checks a folded text without final dot.
bool check_name(std::string_view text, Why why) {
  std::string_view last;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    last = text.substr(begin, end - begin);
    if (!check_label(last, why)) return false;
    begin = end + 1;
  }
  if (text.size() > kLongestText) {
    return fail(why, "the name is " + std::to_string(text.size()) + " octets long; 253 are allowed"), false;
  }
  if (is_number(last)) return fail(why, "the last label, ", last, ", is a number"), false;
  return true;
}

// The reason for what is commonly written where a name belongs, empty if it is none of these.
std::string why_other_kind(std::string_view text) {
  if (text.empty()) return "the text is empty; the root is written \".\"";
  if (text.find_first_of(" \t\r\n") != std::string_view::npos) return "a space is not part of a name";
  if (text.find("://") != std::string_view::npos) return "a scheme is not part of a name";
  if (text.find('*') != std::string_view::npos) return "a wildcard is not a name";
  if (masked_prefix(text)) return "this is a prefix, not a name";
  if (text.find('/') != std::string_view::npos) return "a path is not part of a name";
  if (text.find('@') != std::string_view::npos) return "a user is not part of a name";
  if (text.find_first_of("[]") != std::string_view::npos) return "brackets are not part of a name";
  if (Ip::parse(text) || Ip::parse(text.substr(0, text.find('%')))) return "this is an address, not a name";
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    const std::string_view port = text.substr(colon + 1);
    if (!port.empty() && all_digits(port)) return "a port is not part of a name";
  }
  return "";
}

// What to write in place of a folded name that has letters beyond ASCII.
std::string why_not_ascii(std::string_view text) {
  std::string name;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    const std::string_view label = text.substr(begin, end - begin);
    ToAscii ascii = is_ascii(label) ? ToAscii{std::string(label), ""} : to_ascii(label);
    if (!ascii.why_not.empty()) return std::move(ascii.why_not);
    if (ascii.label.empty() && !label.empty()) return "a name is written in ASCII; write its A-labels (Punycode)";
    if (begin > 0) name += '.';
    name += ascii.label;
    begin = end + 1;
  }
  std::string why;
  if (!check_name(name, &why)) return why;
  return "a name is written in ASCII; write it as " + name;
}

std::optional<std::string> parse_name(std::string_view text, Why why) {
  if (text == ".") return "";
  if (why != nullptr) *why = why_other_kind(text);
  if (text.empty() || (why != nullptr && !why->empty())) return std::nullopt;
  if (text.back() == '.') text.remove_suffix(1);
  std::string folded(text);
  std::transform(folded.begin(), folded.end(), folded.begin(), to_lower);
  if (!is_ascii(folded)) {
    if (why != nullptr) *why = why_not_ascii(folded);
    return std::nullopt;
  }
  if (!check_name(folded, why)) return std::nullopt;
  return folded;
}

bool within(std::string_view name, std::string_view zone) {
  if (zone.empty()) return true;
  if (name.size() < zone.size() || name.substr(name.size() - zone.size()) != zone) return false;
  return name.size() == zone.size() || name[name.size() - zone.size() - 1] == '.';
}

std::string_view last_label(std::string_view text) { return text.substr(text.rfind('.') + 1); }  // npos + 1 is 0

// Passes over what both names share on the right, then compares the first labels that differ.
std::strong_ordering order(std::string_view a, std::string_view b) {
  const std::size_t shorter = std::min(a.size(), b.size());
  std::size_t shared = 0;
  std::size_t shared_labels = 0;  // octets of whole labels with the dot before them
  for (; shared < shorter; ++shared) {
    const char c = a[a.size() - 1 - shared];
    if (c != b[b.size() - 1 - shared]) break;
    if (c == '.') shared_labels = shared + 1;
  }
  if (shared == a.size() && shared == b.size()) return std::strong_ordering::equal;
  if (shared == a.size() && within(b, a)) return std::strong_ordering::less;
  if (shared == b.size() && within(a, b)) return std::strong_ordering::greater;
  const int by_label =
      last_label(a.substr(0, a.size() - shared_labels)).compare(last_label(b.substr(0, b.size() - shared_labels)));
  return by_label < 0 ? std::strong_ordering::less : std::strong_ordering::greater;
}

// Combines two canonical node lists by a rule on membership that maps (no, no) to no. Names come in canonical order,
// so the enclosing names of the current one are a stack.
template <class Rule>
std::vector<DomainSet::Node> combine(std::span<const DomainSet::Node> a, std::span<const DomainSet::Node> b,
                                     Rule rule) {
  struct Enclosing {
    const std::string* name;
    bool below_a;
    bool below_b;
  };
  std::vector<DomainSet::Node> result;
  std::vector<Enclosing> stack;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    const auto side = i == a.size()   ? std::strong_ordering::greater
                      : j == b.size() ? std::strong_ordering::less
                                      : a[i].name <=> b[j].name;
    const DomainSet::Node* from_a = side <= 0 ? &a[i++] : nullptr;
    const DomainSet::Node* from_b = side >= 0 ? &b[j++] : nullptr;
    const Domain& name = from_a != nullptr ? from_a->name : from_b->name;
    while (!stack.empty() && !within(name.text(), *stack.back().name)) stack.pop_back();
    const bool above_a = !stack.empty() && stack.back().below_a;
    const bool above_b = !stack.empty() && stack.back().below_b;
    const bool below_a = from_a != nullptr ? from_a->below : above_a;
    const bool below_b = from_b != nullptr ? from_b->below : above_b;
    const bool self = rule(from_a != nullptr ? from_a->self : above_a, from_b != nullptr ? from_b->self : above_b);
    const bool below = rule(below_a, below_b);
    const bool above = rule(above_a, above_b);
    if (self != above || below != above) result.push_back({name, self, below});
    stack.push_back({&name.text(), below_a, below_b});
  }
  return result;
}

}  // namespace

std::optional<Domain> Domain::parse(std::string_view text) {
  auto name = parse_name(text, nullptr);
  if (!name) return std::nullopt;
  return Domain(std::move(*name));
}

std::string why_not_domain(std::string_view text) {
  std::string why;
  parse_name(text, &why);
  return why;
}

std::vector<std::string_view> Domain::labels() const {
  std::vector<std::string_view> labels;
  if (is_root()) return labels;
  const std::string_view text = text_;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    labels.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return labels;
}

bool Domain::is_within(const Domain& zone) const { return within(text_, zone.text_); }

std::optional<Domain> Domain::parent() const {
  if (is_root()) return std::nullopt;
  const std::size_t dot = text_.find('.');
  return dot == std::string::npos ? root() : Domain(text_.substr(dot + 1));
}

std::strong_ordering operator<=>(const Domain& a, const Domain& b) { return order(a.text_, b.text_); }

std::string to_string(const Domain& name) { return name.is_root() ? "." : name.text(); }

Domain reverse_name(Ip ip) {
  std::string text;
  if (ip.is_v4()) {
    for (int shift = 0; shift < 32; shift += 8) text += std::to_string(ip.v4_bits() >> shift & 0xFF) + '.';
    return Domain(text + "in-addr.arpa");
  }
  for (int shift = 0; shift < 128; shift += 4) {
    text += "0123456789abcdef"[static_cast<std::size_t>(ip.bits() >> shift & 0xF)];
    text += '.';
  }
  return Domain(text + "ip6.arpa");
}

namespace {

// The labels from the right, each with a NUL behind it: octet order of keys is canonical order of names, and the key of
// a zone is a prefix of the key of every name in it.
std::string key_of(std::string_view name) {
  std::string key;
  key.reserve(name.size() + 1);
  while (!name.empty()) {
    const std::string_view label = last_label(name);
    key += label;
    key += '\0';
    name.remove_suffix(std::min(name.size(), label.size() + 1));
  }
  return key;
}

std::string name_of_key(std::string_view key) {
  std::string name;
  name.reserve(key.size());
  while (!key.empty()) {
    key.remove_suffix(1);
    const std::size_t before = key.rfind('\0');
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    if (!name.empty()) name += '.';
    name += key.substr(begin);
    key = key.substr(0, begin);
  }
  return name;
}

std::vector<std::string> sorted_keys(std::span<const Domain> names) {
  std::vector<std::string> keys;
  keys.reserve(names.size());
  for (const Domain& name : names) keys.push_back(key_of(name.text()));
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace

DomainSet DomainSet::from_suffixes(std::span<const Domain> names) {
  DomainSet set;
  const std::vector<std::string> keys = sorted_keys(names);
  const std::string* zone = nullptr;
  for (const std::string& key : keys) {
    if (zone && key.starts_with(*zone)) continue;
    zone = &key;
    set.nodes_.push_back({Domain(name_of_key(key)), true, true});
  }
  return set;
}

DomainSet DomainSet::from_names(std::span<const Domain> names) {
  std::vector<Domain> sorted(names.begin(), names.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  DomainSet set;
  for (Domain& name : sorted) set.nodes_.push_back({std::move(name), true, false});
  return set;
}

bool DomainSet::contains(const Domain& name) const {
  const auto before = [](const Node& node, std::string_view text) { return order(node.name.text(), text) < 0; };
  std::string_view text = name.text();
  for (;;) {  // the name itself, then each name that encloses it, up to the root
    const auto node = std::lower_bound(nodes_.begin(), nodes_.end(), text, before);
    if (node != nodes_.end() && node->name.text() == text) {
      return text.size() == name.text().size() ? node->self : node->below;
    }
    if (text.empty()) return false;
    const std::size_t dot = text.find('.');
    text = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  }
}

bool DomainSet::subset_of(const DomainSet& other) const { return (*this - other).empty(); }

bool DomainSet::intersects(const DomainSet& other) const { return !(*this & other).empty(); }

DomainSet operator|(const DomainSet& a, const DomainSet& b) {
  DomainSet result;
  result.nodes_ = combine(a.nodes_, b.nodes_, [](bool x, bool y) { return x || y; });
  return result;
}

DomainSet operator&(const DomainSet& a, const DomainSet& b) {
  DomainSet result;
  result.nodes_ = combine(a.nodes_, b.nodes_, [](bool x, bool y) { return x && y; });
  return result;
}

DomainSet operator-(const DomainSet& a, const DomainSet& b) {
  DomainSet result;
  result.nodes_ = combine(a.nodes_, b.nodes_, [](bool x, bool y) { return x && !y; });
  return result;
}

DomainSet operator~(const DomainSet& a) { return DomainSet::all() - a; }

}  // namespace airtight
