#include "compiler/emit/kubernetes_yaml.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace airtight {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Booleans and nulls of YAML 1.1, which most readers of Kubernetes objects still speak.
bool is_word_with_meaning(std::string_view text) {
  static constexpr std::array<std::string_view, 9> kWords{"y", "n", "yes", "no", "true", "false", "on", "off", "null"};
  std::string folded(text);
  std::transform(folded.begin(), folded.end(), folded.begin(), lower);
  return std::find(kWords.begin(), kWords.end(), folded) != kWords.end();
}

bool is_plain(std::string_view text) {
  if (text.empty() || is_word_with_meaning(text)) return false;
  for (const char c : text) {
    if (!is_alpha(c) && !is_digit(c) && c != '.' && c != '_' && c != '-' && c != '/') return false;
  }
  // Numbers, dates and times begin with a digit, and none of them holds a slash.
  return is_alpha(text[0]) || (is_digit(text[0]) && text.find('/') != std::string_view::npos);
}

void append_hex(std::string& out, std::uint32_t value, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += "0123456789abcdef"[value >> shift & 0xF];
}

// Two bytes of UTF-8 hold the C1 controls; three hold separators, bidirectional marks and the byte order mark.
bool must_be_escaped(std::uint32_t code_point) {
  return (code_point >= 0x80 && code_point < 0xA0) || (code_point >= 0x200B && code_point <= 0x200F) ||
         (code_point >= 0x2028 && code_point <= 0x202E) || (code_point >= 0x2060 && code_point <= 0x206F) ||
         code_point == 0xFEFF || code_point >= 0xFFFE;
}

}  // namespace

std::string yaml_scalar(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[i];
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      append_hex(out, byte, 2);
    } else if ((byte & 0xE0) == 0xC0 || (byte & 0xF0) == 0xE0) {
      const std::size_t length = (byte & 0xE0) == 0xC0 ? 2 : 3;
      std::uint32_t code_point = byte & (length == 2 ? 0x1FU : 0x0FU);
      const std::size_t end = std::min(i + length, text.size());
      for (std::size_t j = i + 1; j < end; ++j) {
        code_point = code_point << 6 | (static_cast<unsigned char>(text[j]) & 0x3FU);
      }
      if (must_be_escaped(code_point)) {
        out += "\\u";
        append_hex(out, code_point, 4);
      } else {
        out += text.substr(i, end - i);
      }
      i = end - 1;
    } else {
      out += text[i];
    }
  }
  out += '"';
  return out;
}

void append_yaml_map(std::string& out, const Labels& map, int indent) {
  for (const auto& [key, value] : map) {
    out.append(static_cast<std::size_t>(indent), ' ');
    out += yaml_scalar(key);
    out += ": ";
    out += yaml_scalar(value);
    out += '\n';
  }
}

std::string object_head(const Policy& policy, std::string_view api_version, std::string_view kind,
                        std::string_view name, std::string_view ns) {
  std::string out = "---\napiVersion: ";
  out += api_version;
  out += "\nkind: ";
  out += kind;
  out += "\nmetadata:\n  name: ";
  out += yaml_scalar(name);
  if (!ns.empty()) {
    out += "\n  namespace: ";
    out += yaml_scalar(ns);
  }
  out += "\n  labels:\n";
  append_yaml_map(out, {{"app.kubernetes.io/managed-by", "airtight"}, {"airtight.dev/spec", policy.name}}, 4);
  return out;
}

std::string ObjectNames::make(std::string_view text) {
  static constexpr std::size_t kLongest = 253;
  std::string base = "airtight-";
  for (const char c : text) base += is_alpha(c) || is_digit(c) ? lower(c) : '-';
  for (unsigned n = 1;; ++n) {
    const std::string suffix = n == 1 ? "" : "-" + std::to_string(n);
    std::string name = base.substr(0, kLongest - suffix.size());
    name.erase(name.find_last_not_of('-') + 1);
    name += suffix;
    if (taken_.insert(name).second) return name;
  }
}

}  // namespace airtight
