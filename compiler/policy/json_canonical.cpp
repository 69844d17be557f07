#include "compiler/policy/json_canonical.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <system_error>

namespace airtight {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kDigestPrefix = "sha256:";
constexpr std::int64_t kLargest = (std::int64_t{1} << 53) - 1;

// Supplementary characters (lead bytes F0 to F4) are surrogates in UTF-16: after U+D7FF, before U+E000 (lead byte EE).
int utf16_weight(char c) {
  const int byte = static_cast<unsigned char>(c);
  return byte >= 0xF0 ? 0xED * 8 + 1 + (byte - 0xF0) : byte * 8;
}

}  // namespace

std::string digest_of(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), hash.data(), &length, EVP_sha256(), nullptr) != 1) {
    throw std::system_error(std::make_error_code(std::errc::not_supported), "SHA-256 is not available in OpenSSL");
  }
  std::string text(kDigestPrefix);
  for (unsigned i = 0; i < length; ++i) {
    text += kHex[hash[i] >> 4];
    text += kHex[hash[i] & 15];
  }
  return text;
}

bool is_digest(std::string_view text) {
  return text.size() == kDigestPrefix.size() + 64 && text.substr(0, kDigestPrefix.size()) == kDigestPrefix &&
         text.find_first_not_of(kHex, kDigestPrefix.size()) == std::string_view::npos;
}

bool utf16_less(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return utf16_weight(x) < utf16_weight(y); });
}

void JsonWriter::separate() {
  Level& level = levels_.back();
  if (!level.empty) out_ += ',';
  if (form_ == Form::Readable) {
    if (!level.line) {
      out_ += '\n';
      out_.append(2 * levels_.size(), ' ');
    } else if (!level.empty) {
      out_ += ' ';
    }
  }
  level.empty = false;
}

void JsonWriter::before_value() {
  if (!after_key_ && !levels_.empty()) separate();
  after_key_ = false;
}

void JsonWriter::begin(char bracket, Layout layout) {
  const bool line = layout == Layout::Line || (!levels_.empty() && levels_.back().line);
  before_value();
  out_ += bracket;
  levels_.push_back({line, true});
}

void JsonWriter::end(char bracket) {
  assert(!levels_.empty());
  const Level level = levels_.back();
  levels_.pop_back();
  if (form_ == Form::Readable && !level.line && !level.empty) {
    out_ += '\n';
    out_.append(2 * levels_.size(), ' ');
  }
  out_ += bracket;
}

void JsonWriter::key(std::string_view name) {
  separate();
  quote(name);
  out_ += ':';
  if (form_ == Form::Readable) out_ += ' ';
  after_key_ = true;
}

void JsonWriter::string(std::string_view value) {
  before_value();
  quote(value);
}

void JsonWriter::integer(std::int64_t value) {
  assert(value >= -kLargest && value <= kLargest);
  before_value();
  out_ += std::to_string(value);
}

void JsonWriter::boolean(bool value) {
  before_value();
  out_ += value ? "true" : "false";
}

void JsonWriter::null() {
  before_value();
  out_ += "null";
}

void JsonWriter::quote(std::string_view text) {
  out_ += '"';
  std::size_t plain = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out_ += text.substr(plain, at - plain);
    plain = at + 1;
    out_ += '\\';
    switch (byte) {
      case '"':
      case '\\':
        out_ += text[at];
        break;
      case '\b':
        out_ += 'b';
        break;
      case '\f':
        out_ += 'f';
        break;
      case '\n':
        out_ += 'n';
        break;
      case '\r':
        out_ += 'r';
        break;
      case '\t':
        out_ += 't';
        break;
      default:
        out_ += "u00";
        out_ += kHex[byte >> 4];
        out_ += kHex[byte & 15];
    }
  }
  out_ += text.substr(plain);
  out_ += '"';
}

namespace {

void write_canonical(JsonWriter& writer, JsonValue value, std::string_view without) {
  switch (value.kind()) {
    case JsonValue::Kind::Null:
      writer.null();
      return;
    case JsonValue::Kind::Boolean:
      writer.boolean(value.boolean());
      return;
    case JsonValue::Kind::Integer:
      writer.integer(value.integer());
      return;
    case JsonValue::Kind::String:
      writer.string(value.string());
      return;
    case JsonValue::Kind::Array:
      writer.begin_array();
      for (const JsonValue& item : value.items()) write_canonical(writer, item, {});
      writer.end_array();
      return;
    case JsonValue::Kind::Object:
      break;
  }
  std::vector<std::pair<std::string, JsonValue>> members;
  for (const JsonMember& member : value.members()) members.emplace_back(member.key.string(), member.value);
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return utf16_less(a.first, b.first); });
  writer.begin_object();
  for (const auto& [name, member] : members) {
    if (!without.empty() && name == without) continue;
    writer.key(name);
    write_canonical(writer, member, {});
  }
  writer.end_object();
}

}  // namespace

std::string canonical_json(JsonValue value, std::string_view without) {
  JsonWriter writer(JsonWriter::Form::Canonical);
  write_canonical(writer, value, without);
  return std::move(writer).take();
}

}  // namespace airtight
