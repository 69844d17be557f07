#include "compiler/spec/text_check.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "compiler/net/excerpt.h"
#include "compiler/spec/yaml.h"

namespace airtight {
namespace {

constexpr int kReportsACode = 8;  // the rest of a binary file tells nobody anything new

// Length of the UTF-8 sequence at `at`, 0 for an invalid one; the code point goes to `point`.
std::size_t utf8_length(std::string_view text, std::size_t at, std::uint32_t& point) {
  const std::optional<CodePoint> found = first_code_point(text.substr(at));
  point = found ? static_cast<std::uint32_t>(found->value) : 0;
  return found ? found->length : 0;
}

bool is_bidi_or_zero_width(std::uint32_t point) {
  return point == 0xAD || point == 0x61C || point == 0x180E || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x202A && point <= 0x202E) || (point >= 0x2060 && point <= 0x206F) ||
         (point >= 0xE0000 && point <= 0xE007F);
}

std::string hex(std::uint32_t point) {
  char text[16];
  std::snprintf(text, sizeof text, "U+%04X", point);
  return text;
}

struct LookAlikeRow {
  std::uint32_t point;
  const char* name;
  char latin;
};

// The letters of other scripts most often used to imitate Latin ones (Unicode TR 39 gives the idea, the choice is
// ours).
constexpr LookAlikeRow kLookAlikes[] = {
    {0x0430, "CYRILLIC SMALL LETTER A", 'a'},
    {0x0441, "CYRILLIC SMALL LETTER ES", 'c'},
    {0x0435, "CYRILLIC SMALL LETTER IE", 'e'},
    {0x043E, "CYRILLIC SMALL LETTER O", 'o'},
    {0x0440, "CYRILLIC SMALL LETTER ER", 'p'},
    {0x0445, "CYRILLIC SMALL LETTER HA", 'x'},
    {0x0443, "CYRILLIC SMALL LETTER U", 'y'},
    {0x0456, "CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I", 'i'},
    {0x0458, "CYRILLIC SMALL LETTER JE", 'j'},
    {0x0455, "CYRILLIC SMALL LETTER DZE", 's'},
    {0x0501, "CYRILLIC SMALL LETTER KOMI DE", 'd'},
    {0x04BB, "CYRILLIC SMALL LETTER SHHA", 'h'},
    {0x0475, "CYRILLIC SMALL LETTER IZHITSA", 'v'},
    {0x051B, "CYRILLIC SMALL LETTER QA", 'q'},
    {0x051D, "CYRILLIC SMALL LETTER WE", 'w'},
    {0x03BF, "GREEK SMALL LETTER OMICRON", 'o'},
    {0x03B1, "GREEK SMALL LETTER ALPHA", 'a'},
    {0x03BD, "GREEK SMALL LETTER NU", 'v'},
    {0x03C1, "GREEK SMALL LETTER RHO", 'p'},
    {0x03B9, "GREEK SMALL LETTER IOTA", 'i'},
    {0x0131, "LATIN SMALL LETTER DOTLESS I", 'i'},
    {0x0251, "LATIN SMALL LETTER ALPHA", 'a'},
    {0x0261, "LATIN SMALL LETTER SCRIPT G", 'g'},
    {0x2010, "HYPHEN", '-'},
    {0x2011, "NON-BREAKING HYPHEN", '-'},
    {0x2012, "FIGURE DASH", '-'},
    {0x2013, "EN DASH", '-'},
    {0x2014, "EM DASH", '-'},
    {0x2212, "MINUS SIGN", '-'},
    {0x3002, "IDEOGRAPHIC FULL STOP", '.'},
    {0x2024, "ONE DOT LEADER", '.'},
    {0xFF0E, "FULLWIDTH FULL STOP", '.'},
    {0x2044, "FRACTION SLASH", '/'},
    {0x2215, "DIVISION SLASH", '/'},
    {0xFF0F, "FULLWIDTH SOLIDUS", '/'},
};

char imitates(std::uint32_t point) {
  if (point >= 0xFF21 && point <= 0xFF3A) return static_cast<char>('A' + (point - 0xFF21));
  if (point >= 0xFF41 && point <= 0xFF5A) return static_cast<char>('a' + (point - 0xFF41));
  if (point >= 0xFF10 && point <= 0xFF19) return static_cast<char>('0' + (point - 0xFF10));
  return 0;
}

}  // namespace

std::size_t byte_order_mark(std::string_view text) { return text.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0; }

std::string describe_hidden(std::string_view value, Code& code) {
  for (std::size_t at = 0; at < value.size();) {
    std::uint32_t point = 0;
    const std::size_t length = utf8_length(value, at, point);
    code = Code::NotUtf8;
    if (length == 0) return "bytes that are not UTF-8";
    code = Code::ControlCharacter;
    if ((point < 0x20 && point != '\n') || (point >= 0x7F && point < 0xA0)) return "control character " + hex(point);
    code = Code::BidiCharacter;
    if (is_bidi_or_zero_width(point)) return hex(point) + ", which is invisible or changes the direction of text";
    code = Code::LineEnd;
    if (point == 0xFEFF || point == 0x2028 || point == 0x2029)
      return hex(point) + ", which some readers take for a line end or a mark";
    at += length;
  }
  return {};
}

std::string describe_non_ascii(std::string_view text, std::size_t& offset, std::size_t& length) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (static_cast<unsigned char>(text[at]) < 0x80) continue;
    std::uint32_t point = 0;
    offset = at;
    length = std::max<std::size_t>(1, utf8_length(text, at, point));
    for (const LookAlikeRow& row : kLookAlikes)
      if (row.point == point) return hex(point) + " " + row.name + " looks like '" + row.latin + "'";
    if (const char latin = imitates(point))
      return hex(point) + " is the full-width form of '" + std::string(1, latin) + "'";
    return hex(point) + " is not an ASCII character";
  }
  return {};
}

bool check_text(std::uint32_t source, const Sources& sources, Diagnostics& diagnostics) {
  const std::string_view text = sources.text(source);
  const auto at = [&](std::size_t begin, std::size_t length) {
    return Span{source, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(begin + length)};
  };
  if (text.size() > kMaxFileBytes) {
    diagnostics.error(Code::TooBig, sources.name(source), "the file has " + std::to_string(text.size()) + " bytes")
        .expect("at most " + std::to_string(kMaxFileBytes) + " bytes");
    return false;
  }
  // A YAML file starts with an ASCII character, so the zero bytes give the encoding away (YAML 1.2 §5.2).
  const auto starts = [&](std::string_view bytes) { return text.substr(0, bytes.size()) == bytes; };
  using namespace std::string_view_literals;
  const bool wide =
      starts("\xFF\xFE"sv) || starts("\xFE\xFF"sv) || starts("\0\0\xFE\xFF"sv) ||
      (text.size() >= 2 && ((text[0] == '\0') != (text[1] == '\0')) &&
       std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(64, text.size())),
                  '\0') >= static_cast<std::ptrdiff_t>(std::min<std::size_t>(64, text.size()) / 2));
  if (wide) {
    diagnostics.error(Code::Utf16, sources.name(source), "the file is UTF-16 or UTF-32 text")
        .expect("UTF-8")
        .help("save it as UTF-8, for instance with iconv -f UTF-16 -t UTF-8");
    return false;
  }

  std::array<int, 8> reports{};
  const auto report = [&](std::size_t slot, Code code, Span where, std::string message, std::string help) {
    if (++reports[slot] > kReportsACode) return;
    Diagnostic& added = diagnostics.error(code, where, std::move(message));
    if (!help.empty()) added.help(std::move(help));
  };
  int depth = 0;
  bool too_deep = false;
  for (std::size_t i = byte_order_mark(text); i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x7F) {
      // Balance of brackets wherever they stand: an upper bound that keeps the scanner's memory small.
      if (c == '[' || c == '{') ++depth;
      if ((c == ']' || c == '}') && depth > 0) --depth;
      if (depth > 200 && !too_deep) {
        too_deep = true;
        diagnostics.error(Code::TooDeep, at(i, 1), "more than 200 brackets are open here")
            .expect("at most " + std::to_string(kMaxDepth) + " levels");
      }
      ++i;
      continue;
    }
    if (c == '\n' || (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n')) {
      ++i;
      continue;
    }
    if (c == '\r') {
      report(0, Code::LineEnd, at(i, 1), "carriage return without a line feed", "end lines with LF or CRLF");
      ++i;
      continue;
    }
    if (c == '\t') {
      report(1, Code::TabIndent, at(i, 1), "tab character", "replace it by spaces");
      ++i;
      continue;
    }
    if (c < 0x20 || c == 0x7F) {
      char name[8];
      std::snprintf(name, sizeof name, "\\x%02x", static_cast<unsigned>(c));
      report(2, Code::ControlCharacter, at(i, 1), c == 0 ? "NUL byte" : "control character " + std::string(name),
             "remove it");
      ++i;
      continue;
    }
    std::uint32_t point = 0;
    const std::size_t length = utf8_length(text, i, point);
    if (length == 0) {
      char name[8];
      std::snprintf(name, sizeof name, "0x%02x", static_cast<unsigned>(c));
      std::size_t end = i + 1;  // of the run of such bytes: one character of another encoding, most often
      while (end < text.size() && static_cast<unsigned char>(text[end]) >= 0x80 && utf8_length(text, end, point) == 0)
        ++end;
      report(3, Code::NotUtf8, at(i, end - i), "byte " + std::string(name) + " is not part of UTF-8 text",
             "save the file as UTF-8");
      i = end;
      continue;
    }
    if (point == 0xFEFF)
      report(4, Code::LineEnd, at(i, length), "byte order mark inside the text",
             "remove it; files joined with cat often bring one");
    else if (point == 0x85 || point == 0x2028 || point == 0x2029)
      report(5, Code::LineEnd, at(i, length), hex(point) + " ends a line for some readers only",
             "end lines with LF or CRLF");
    else if (point >= 0x80 && point < 0xA0)
      report(2, Code::ControlCharacter, at(i, length), "control character " + hex(point), "remove it");
    else if (is_bidi_or_zero_width(point))
      report(6, Code::BidiCharacter, at(i, length), hex(point) + " is invisible or changes the direction of text",
             "remove it");
    i += length;
  }
  return !too_deep && std::all_of(reports.begin(), reports.end(), [](int count) { return count == 0; });
}

}  // namespace airtight
