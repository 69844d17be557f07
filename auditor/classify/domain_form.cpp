#include "auditor/classify/domain_form.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace airtight::audit {
namespace {

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestText = 253;

// RFC 3492 §5.
constexpr std::uint32_t kBase = 36;
constexpr std::uint32_t kTmin = 1;
constexpr std::uint32_t kTmax = 26;
constexpr std::uint32_t kSkew = 38;
constexpr std::uint32_t kDamp = 700;
constexpr std::uint32_t kInitialBias = 72;
constexpr std::uint64_t kInitialN = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool all_digits(std::string_view text) { return std::all_of(text.begin(), text.end(), is_digit); }

bool starts_with(std::string_view label, std::string_view lower) {
  return label.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), label.begin(), [](char a, char b) { return a == fold(b); });
}

// What inet_aton reads as a number: decimal, or hexadecimal after "0x".
bool is_number(std::string_view label) {
  if (all_digits(label)) return true;
  if (!starts_with(label, "0x")) return false;
  label.remove_prefix(2);
  return label.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

std::optional<std::uint32_t> digit_of(char c) {
  c = fold(c);
  if (is_lower(c)) return static_cast<std::uint32_t>(c - 'a');
  if (is_digit(c)) return static_cast<std::uint32_t>(c - '0') + 26;
  return std::nullopt;
}

std::uint32_t adapt(std::uint32_t delta, std::uint32_t points, bool first) {
  delta = first ? delta / kDamp : delta / 2;
  delta += delta / points;
  std::uint32_t k = 0;
  for (; delta > (kBase - kTmin) * kTmax / 2; k += kBase) delta /= kBase - kTmin;
  return k + (kBase - kTmin + 1) * delta / (delta + kSkew);
}

// Whether what stands behind "xn--" is the Punycode of a label that needs one, in its only spelling. Where the code
// points come to stand does not matter for that, so nothing is decoded into memory: a number has one spelling, and the
// insertions one order; only the delimiter is free, and stands where there are basic code points and nowhere else.
bool is_punycode(std::string_view text) {
  std::uint32_t points = 0;
  if (const std::size_t dash = text.rfind('-'); dash != std::string_view::npos) {
    if (dash == 0) return false;
    points = static_cast<std::uint32_t>(dash);
    text.remove_prefix(dash + 1);
  }
  if (text.empty()) return false;
  constexpr std::uint64_t kTooMuch = std::uint64_t{1} << 31;
  std::uint64_t n = kInitialN;
  std::uint64_t i = 0;
  std::uint32_t bias = kInitialBias;
  while (!text.empty()) {
    const std::uint64_t before = i;
    std::uint64_t weight = 1;
    for (std::uint32_t k = kBase;; k += kBase) {
      if (text.empty()) return false;
      const auto digit = digit_of(text.front());
      if (!digit) return false;
      text.remove_prefix(1);
      i += *digit * weight;
      if (i >= kTooMuch) return false;
      const std::uint32_t threshold = k <= bias ? kTmin : std::clamp(k - bias, kTmin, kTmax);
      if (*digit < threshold) break;
      weight *= kBase - threshold;
      if (weight >= kTooMuch) return false;
    }
    ++points;
    bias = adapt(static_cast<std::uint32_t>(i - before), points, before == 0);
    n += i / points;
    i = i % points + 1;
    if (n > 0x10FFFF || (n >= 0xD800 && n <= 0xDFFF)) return false;
  }
  return true;
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > kLongestLabel || label.front() == '-' || label.back() == '-') return false;
  for (const char c : label) {
    if (!is_lower(fold(c)) && !is_digit(c) && c != '-' && c != '_') return false;
  }
  return !starts_with(label, "xn--") || is_punycode(label.substr(4));
}

}  // namespace

bool is_domain(std::string_view text) {
  if (text == ".") return true;
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.size() > kLongestText) return false;
  for (std::size_t begin = 0;;) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    const std::string_view label = text.substr(begin, end - begin);
    if (!is_label(label)) return false;
    if (end == text.size()) return !is_number(label);
    begin = end + 1;
  }
}

}  // namespace airtight::audit
