#include "compiler/verify/document_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace airtight::verify {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kTrue[] = {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};
constexpr std::string_view kFalse[] = {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};
constexpr std::string_view kNull[] = {"", "~", "null", "Null", "NULL"};
constexpr std::string_view kNoJson[] = {".nan",  ".NaN",  ".NAN",  ".inf",  ".Inf",  ".INF",
                                        "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"};

template <typename Words>
bool is_one_of(const Words& words, std::string_view text) {
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

struct Base {
  std::string_view prefix;
  int base;
};
constexpr Base kBases[] = {{"0x", 16}, {"0X", 16}, {"0o", 8}, {"0O", 8}, {"0b", 2}, {"0B", 2}, {"0", 8}};

// Another base than ten, by its prefix; empty if it is none of at most 64 bits.
std::string other_base(std::string_view digits) {
  for (const Base& base : kBases) {
    if (digits.size() <= base.prefix.size() || !digits.starts_with(base.prefix)) continue;
    std::uint64_t number = 0;
    const char* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data() + base.prefix.size(), end, number, base.base);
    return read.ec == std::errc() && read.ptr == end ? std::to_string(number) : std::string();
  }
  return {};
}

// [digits][.digits][e[sign]digits] in JSON's spelling; empty if it is none, or too great for a double.
std::string decimal(std::string_view text) {
  std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) return {};
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  std::string number(whole.empty() ? "0"sv : whole);
  if (!fraction.empty()) number.append(".").append(fraction);
  if (text.empty()) return number;
  std::string_view exponent = text;
  if (exponent[0] != 'e' && exponent[0] != 'E') return {};
  exponent.remove_prefix(1);
  if (exponent.starts_with('+') || exponent.starts_with('-')) exponent.remove_prefix(1);
  if (take_digits(exponent).empty() || !exponent.empty()) return {};
  number.append(text);
  return std::isinf(std::strtod(number.c_str(), nullptr)) ? std::string() : number;
}

std::string number_of(std::string_view text) {
  std::string kept;
  if (text.find('_') != std::string_view::npos && text[0] != '.') {
    std::remove_copy(text.begin(), text.end(), std::back_inserter(kept), '_');
    text = kept;
  }
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || !(is_digit(text[0]) || text[0] == '.')) return {};
  std::string number = other_base(text);
  if (number.empty()) number = decimal(text);
  if (negative && !number.empty() && number != "0") number.insert(0, 1, '-');
  return number;
}

// First characters of what may be more than text.
constexpr std::array<bool, 256> kMayResolve = [] {
  std::array<bool, 256> table{};
  for (const char c : "0123456789+-.~yYnNtTfFoO"sv) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

}  // namespace

std::optional<Scalar> resolve_plain(std::string_view text) {
  if (!text.empty() && !kMayResolve[static_cast<unsigned char>(text[0])])
    return Scalar{Value::Kind::String, std::string(text)};
  if (text.size() <= 5) {  // the longest word is `false`
    if (is_one_of(kTrue, text)) return Scalar{Value::Kind::Bool, "true"};
    if (is_one_of(kFalse, text)) return Scalar{Value::Kind::Bool, "false"};
    if (is_one_of(kNull, text)) return Scalar{Value::Kind::Null, {}};
    if (is_one_of(kNoJson, text)) return std::nullopt;
  }
  if (const char c = text[0]; is_digit(c) || c == '+' || c == '-' || c == '.')
    if (std::string number = number_of(text); !number.empty()) return Scalar{Value::Kind::Number, std::move(number)};
  return Scalar{Value::Kind::String, std::string(text)};
}

std::optional<std::string> resolve_plain_key(std::string_view text) {
  std::optional<Scalar> scalar = resolve_plain(text);
  if (!scalar) return std::string(text);
  if (scalar->kind == Value::Kind::Null) return std::nullopt;
  if (scalar->kind == Value::Kind::Number && scalar->text.find_first_of(".eE") != std::string::npos) {
    char buffer[32];  // a float becomes the shortest text of a 32-bit one
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::strtof(scalar->text.c_str(), nullptr)).ptr;
    return std::string(buffer, end);
  }
  return std::move(scalar->text);
}

bool append_utf8(std::string& text, std::uint32_t c) {
  if ((c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) return false;
  const auto tail = [&](unsigned shift) { text += static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xC0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    text += static_cast<char>(0xE0 | (c >> 12));
    tail(6), tail(0);
  } else {
    text += static_cast<char>(0xF0 | (c >> 18));
    tail(12), tail(6), tail(0);
  }
  return true;
}

}  // namespace airtight::verify
