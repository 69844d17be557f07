#include "compiler/net/idna.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "compiler/net/excerpt.h"

namespace airtight {
namespace {

constexpr std::size_t kLongestLabel = 63;

// RFC 3492 §5.
constexpr std::uint32_t kBase = 36;
constexpr std::uint32_t kTmin = 1;
constexpr std::uint32_t kTmax = 26;
constexpr std::uint32_t kSkew = 38;
constexpr std::uint32_t kDamp = 700;
constexpr std::uint32_t kInitialBias = 72;
constexpr std::uint32_t kInitialN = 128;

std::uint32_t adapt(std::uint32_t delta, std::uint32_t points, bool first) {
  delta = first ? delta / kDamp : delta / 2;
  delta += delta / points;
  std::uint32_t k = 0;
  for (; delta > (kBase - kTmin) * kTmax / 2; k += kBase) delta /= kBase - kTmin;
  return k + (kBase - kTmin + 1) * delta / (delta + kSkew);
}

std::uint32_t threshold(std::uint32_t k, std::uint32_t bias) {
  return k <= bias ? kTmin : std::clamp(k - bias, kTmin, kTmax);
}

char to_digit(std::uint32_t value) { return static_cast<char>(value < 26 ? 'a' + value : '0' + (value - 26)); }

std::optional<std::uint32_t> from_digit(char c) {
  if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a');
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0') + 26;
  return std::nullopt;
}

struct Range {
  char32_t first;
  char32_t last;
};

bool within(char32_t c, std::span<const Range> ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [c](const Range& r) { return c >= r.first && c <= r.last; });
}

constexpr std::array kDots{Range{0x3002, 0x3002}, Range{0xFF0E, 0xFF0E}, Range{0xFF61, 0xFF61}};
constexpr std::array kInvisible{
    Range{0x0080, 0x00A0}, Range{0x00AD, 0x00AD},  Range{0x034F, 0x034F}, Range{0x061C, 0x061C}, Range{0x115F, 0x1160},
    Range{0x17B4, 0x17B5}, Range{0x180B, 0x180E},  Range{0x2000, 0x200F}, Range{0x2028, 0x202F}, Range{0x205F, 0x206F},
    Range{0x3000, 0x3000}, Range{0x3164, 0x3164},  Range{0xFE00, 0xFE0F}, Range{0xFEFF, 0xFEFF}, Range{0xFFA0, 0xFFA0},
    Range{0xFFF9, 0xFFFB}, Range{0xE0000, 0xE0FFF}};
constexpr std::array kCombining{Range{0x0300, 0x036F}, Range{0x1AB0, 0x1AFF}, Range{0x1DC0, 0x1DFF},
                                Range{0x20D0, 0x20FF}, Range{0xFE20, 0xFE2F}};
constexpr std::array kNoLetters{Range{0x00A1, 0x00BF},   Range{0x00D7, 0x00D7},   Range{0x00F7, 0x00F7},
                                Range{0x2000, 0x2BFF},   Range{0x3001, 0x3004},   Range{0x3008, 0x3020},
                                Range{0x3030, 0x3030},   Range{0xE000, 0xF8FF},   Range{0xFB00, 0xFB06},
                                Range{0xFFFC, 0xFFFF},   Range{0x1D400, 0x1D7FF}, Range{0x1F000, 0x1FAFF},
                                Range{0xF0000, 0x10FFFF}};

constexpr std::array kLatin{Range{'a', 'z'}, Range{0x00C0, 0x024F}, Range{0x1E00, 0x1EFF}};
constexpr std::array kGreek{Range{0x0370, 0x03FF}, Range{0x1F00, 0x1FFF}};
constexpr std::array kCyrillic{Range{0x0400, 0x052F}};
struct Script {
  std::string_view name;
  std::span<const Range> letters;
};
const std::array kAlike{Script{"Latin", kLatin}, Script{"Greek", kGreek}, Script{"Cyrillic", kCyrillic}};

// Where capital letters are: a constant distance before the small ones, or directly before each.
struct Capitals {
  char32_t first;
  char32_t last;
  char32_t distance;  // 1: every second code point, starting with `first`, is a capital
};
constexpr std::array kCapitals{
    Capitals{0x00C0, 0x00D6, 0x20}, Capitals{0x00D8, 0x00DE, 0x20}, Capitals{0x0100, 0x012F, 1},
    Capitals{0x0132, 0x0137, 1},    Capitals{0x0139, 0x0148, 1},    Capitals{0x014A, 0x0177, 1},
    Capitals{0x0179, 0x017E, 1},    Capitals{0x01A0, 0x01A5, 1},    Capitals{0x01AF, 0x01B0, 1},
    Capitals{0x01CD, 0x01DC, 1},    Capitals{0x01DE, 0x01EF, 1},    Capitals{0x01F8, 0x021F, 1},
    Capitals{0x0222, 0x0233, 1},    Capitals{0x0391, 0x03A1, 0x20}, Capitals{0x03A3, 0x03AB, 0x20},
    Capitals{0x0386, 0x0386, 0x26}, Capitals{0x0388, 0x038A, 0x25}, Capitals{0x038C, 0x038C, 0x40},
    Capitals{0x038E, 0x038F, 0x3F}, Capitals{0x0400, 0x040F, 0x50}, Capitals{0x0410, 0x042F, 0x20},
    Capitals{0x0460, 0x0481, 1},    Capitals{0x048A, 0x04BF, 1},    Capitals{0x04C1, 0x04CE, 1},
    Capitals{0x04D0, 0x052F, 1},    Capitals{0x0531, 0x0556, 0x30}, Capitals{0x1E00, 0x1E95, 1},
    Capitals{0x1EA0, 0x1EFF, 1}};
// Capitals without a simple small letter, or with an irregular one: nothing is suggested for these.
constexpr std::array kIrregular{Range{0x0130, 0x0130}, Range{0x0149, 0x0149},   Range{0x0178, 0x0178},
                                Range{0x017F, 0x019F}, Range{0x01A6, 0x01AE},   Range{0x01B1, 0x01CC},
                                Range{0x01F0, 0x01F7}, Range{0x0220, 0x0221},   Range{0x0234, 0x024F},
                                Range{0x0370, 0x037F}, Range{0x03CF, 0x03FF},   Range{0x04C0, 0x04C0},
                                Range{0x10A0, 0x10CF}, Range{0x13A0, 0x13FF},   Range{0x1C80, 0x1CBF},
                                Range{0x1E9A, 0x1E9F}, Range{0x1F00, 0x1FFF},   Range{0x2C00, 0x2D2F},
                                Range{0xA640, 0xA7FF}, Range{0x10400, 0x104FF}, Range{0x1E900, 0x1E943}};

char32_t lower(char32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 0x20;
  for (const Capitals& row : kCapitals) {
    if (c < row.first || c > row.last) continue;
    if (row.distance != 1) return c + row.distance;
    return (c - row.first) % 2 == 0 ? c + 1 : c;
  }
  return c;
}

std::string clause_about(char32_t c) {
  if (within(c, kDots)) return name_of(c) + " looks like a dot; write \".\"";
  if (c >= 0xFF01 && c <= 0xFF5E) return name_of(c) + " looks like " + name_of(c - 0xFEE0) + "; write that";
  if (within(c, kInvisible)) return name_of(c) + " is invisible";
  if (within(c, kCombining)) return name_of(c) + " is a combining mark; write the composed letter";
  if (within(c, kNoLetters)) return name_of(c) + " is neither a letter nor a digit";
  return "";
}

}  // namespace

std::optional<std::string> punycode_encode(std::u32string_view label) {
  if (label.size() > kLongestLabel) return std::nullopt;
  std::string text;
  for (const char32_t c : label) {
    if (c < kInitialN) text += static_cast<char>(c);
  }
  const auto basic = static_cast<std::uint32_t>(text.size());
  if (basic > 0) text += '-';
  std::uint32_t n = kInitialN;
  std::uint32_t delta = 0;  // at most 64 * 0x110000 with these lengths, so it does not overflow
  std::uint32_t bias = kInitialBias;
  std::uint32_t handled = basic;
  while (handled < label.size()) {
    char32_t next = 0x10FFFF;
    for (const char32_t c : label) {
      if (c >= n) next = std::min(next, c);
    }
    delta += (static_cast<std::uint32_t>(next) - n) * (handled + 1);
    n = next;
    for (const char32_t c : label) {
      if (c < n) ++delta;
      if (c != n) continue;
      std::uint32_t q = delta;
      for (std::uint32_t k = kBase;; k += kBase) {
        const std::uint32_t t = threshold(k, bias);
        if (q < t) break;
        text += to_digit(t + (q - t) % (kBase - t));
        q = (q - t) / (kBase - t);
      }
      text += to_digit(q);
      bias = adapt(delta, handled + 1, handled == basic);
      delta = 0;
      ++handled;
    }
    ++delta;
    ++n;
  }
  return text;
}

std::optional<std::u32string> punycode_decode(std::string_view text) {
  if (text.size() > kLongestLabel) return std::nullopt;
  std::u32string label;
  std::size_t at = 0;
  if (const std::size_t dash = text.rfind('-'); dash != std::string_view::npos) {
    for (const char c : text.substr(0, dash)) {
      if (static_cast<unsigned char>(c) >= kInitialN) return std::nullopt;
      label += static_cast<char32_t>(c);
    }
    at = dash + 1;
  }
  std::uint64_t n = kInitialN;
  std::uint64_t i = 0;
  std::uint32_t bias = kInitialBias;
  constexpr std::uint64_t kTooMuch = std::uint64_t{1} << 31;
  while (at < text.size()) {
    const std::uint64_t before = i;
    std::uint64_t weight = 1;
    for (std::uint32_t k = kBase;; k += kBase) {
      if (at == text.size()) return std::nullopt;
      const auto digit = from_digit(text[at++]);
      if (!digit) return std::nullopt;
      i += *digit * weight;
      if (i >= kTooMuch) return std::nullopt;
      const std::uint32_t t = threshold(k, bias);
      if (*digit < t) break;
      weight *= kBase - t;
      if (weight >= kTooMuch) return std::nullopt;
    }
    const auto points = static_cast<std::uint32_t>(label.size() + 1);
    bias = adapt(static_cast<std::uint32_t>(i - before), points, before == 0);
    n += i / points;
    i %= points;
    if (n > 0x10FFFF || (n >= 0xD800 && n <= 0xDFFF)) return std::nullopt;
    label.insert(static_cast<std::size_t>(i), 1, static_cast<char32_t>(n));
    ++i;
  }
  return label;
}

bool is_a_label(std::string_view label) {
  const auto decoded = punycode_decode(label.substr(4));
  if (!decoded) return false;
  if (std::all_of(decoded->begin(), decoded->end(), [](char32_t c) { return c < kInitialN; })) return false;
  return punycode_encode(*decoded) == label.substr(4);  // one label, one spelling
}

ToAscii to_ascii(std::string_view label) {
  std::u32string points;
  bool certain = true;
  std::string_view script;
  for (std::size_t at = 0; at < label.size();) {
    const auto next = first_code_point(label.substr(at));
    if (!next) return {"", "the text is not UTF-8"};
    if (std::string clause = clause_about(next->value); !clause.empty()) return {"", std::move(clause)};
    certain = certain && !within(next->value, kIrregular);
    const char32_t c = lower(next->value);
    for (const Script& alike : kAlike) {
      if (!within(c, alike.letters)) continue;
      if (script.empty()) script = alike.name;
      if (script != alike.name) {
        const std::string both = std::string(script) + " and " + std::string(alike.name);
        return {"", "one label mixes " + both + " letters, which look alike (" + name_of(next->value) + ")"};
      }
    }
    if (points.size() <= kLongestLabel) points += c;
    at += next->length;
  }
  if (std::all_of(points.begin(), points.end(), [](char32_t c) { return c < kInitialN; })) {
    return {std::string(points.begin(), points.end()), ""};
  }
  const auto encoded = punycode_encode(points);
  if (!encoded) return {"", "a label is longer than 63 octets"};
  if (!certain) return {"", ""};
  return {"xn--" + *encoded, ""};
}

}  // namespace airtight
