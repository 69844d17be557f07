#include "compiler/policy/diagnostic.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <tuple>

#include "compiler/net/excerpt.h"

namespace airtight {
namespace {

struct Character {
  std::uint32_t point = 0;
  std::size_t length = 1;
  bool valid = false;
};

// The character at `at`; a byte that is not part of UTF-8 is a character of length 1.
Character decode(std::string_view text, std::size_t at) {
  const std::optional<CodePoint> found = first_code_point(text.substr(at));
  return found ? Character{found->value, found->length, true} : Character{};
}

bool invisible(std::uint32_t point) {
  return (point >= 0x80 && point < 0xA0) || point == 0xAD || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF;
}

constexpr std::size_t kQuotedCharacters = 60;
constexpr std::size_t kWindow = 110;  // of a source line: a 1 MB line must not flood a terminal

struct Colours {
  std::string_view bold, red, yellow, blue, green, off;
};
constexpr Colours kPlain{};
constexpr Colours kAnsi{"\033[1m", "\033[1;31m", "\033[1;33m", "\033[34m", "\033[1;32m", "\033[0m"};

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += decode(text, at).length) ++count;
  return count;
}

std::string place(const Sources& sources, Span where) {
  const Position position = sources.position(where.source, where.begin);
  return printable(sources.name(where.source)) + ":" + std::to_string(position.line) + ":" +
         std::to_string(position.column);
}

// The line, cut to a window around the token, with a caret under each of its characters.
void append_excerpt(std::string& out, const Sources& sources, Span where, const Colours& colours) {
  const std::string_view line = sources.line(where.source, where.begin);
  const auto line_begin = static_cast<std::size_t>(line.data() - sources.text(where.source).data());
  const std::size_t begin =
      std::min<std::size_t>(where.begin - std::min<std::size_t>(where.begin, line_begin), line.size());
  const std::size_t end =
      std::clamp<std::size_t>(where.end > line_begin ? where.end - line_begin : 0, begin, line.size());

  std::size_t from = begin > kWindow / 2 ? begin - kWindow / 2 : 0;
  std::size_t to = std::min(line.size(), from + kWindow);
  if (line.size() <= kWindow + 20) from = 0, to = line.size();
  const auto continuation = [&](std::size_t at) {
    return at < line.size() && (static_cast<unsigned char>(line[at]) & 0xC0) == 0x80;
  };
  while (from > 0 && continuation(from)) --from;
  while (to < line.size() && continuation(to)) ++to;

  const std::string before = (from > 0 ? "…" : "") + printable(line.substr(from, begin - from));
  const std::string token = printable(line.substr(begin, std::min(end, to) - begin));
  const std::string after =
      printable(line.substr(std::min(end, to), to - std::min(end, to))) + (to < line.size() ? "…" : "");
  const std::string number = std::to_string(sources.position(where.source, where.begin).line);
  const std::string gutter(number.size() + 2, ' ');

  out += std::string(colours.blue) + "  " + number + " | " + std::string(colours.off) + before + token + after + "\n";
  out += std::string(colours.blue) + gutter + " | " + std::string(colours.off) + std::string(characters(before), ' ') +
         std::string(colours.green) + std::string(std::max<std::size_t>(1, characters(token)), '^') +
         std::string(colours.off) + "\n";
}

void append_text(std::string& out, const Diagnostic& diagnostic, const Sources& sources, const Colours& colours) {
  const bool error = diagnostic.severity == Severity::Error;
  const std::string where = diagnostic.where.known()     ? place(sources, diagnostic.where)
                            : diagnostic.subject.empty() ? std::string("airtight")
                                                         : printable(diagnostic.subject);
  out += std::string(colours.bold) + where + ": " + std::string(colours.off) +
         std::string(error ? colours.red : colours.yellow) + (error ? "error" : "warning") + "[" +
         std::string(info(diagnostic.code).id) + "]" + std::string(colours.off) + ": " + diagnostic.message + "\n";
  if (diagnostic.where.known()) append_excerpt(out, sources, diagnostic.where, colours);
  if (!diagnostic.expected.empty()) out += "  expected: " + diagnostic.expected + "\n";
  for (const Note& note : diagnostic.notes) {
    if (!note.where.known()) {
      out += "  note: " + note.text + "\n";
      continue;
    }
    out += "  note: " + place(sources, note.where) + ": " + note.text + "\n";
    append_excerpt(out, sources, note.where, colours);
  }
  if (!diagnostic.hint.empty()) out += "  help: " + diagnostic.hint + "\n";
}

using Json = nlohmann::ordered_json;

void put_place(Json& json, const Sources& sources, Span where, bool with_end) {
  if (!where.known()) {
    json["file"] = nullptr;
    return;
  }
  const Position begin = sources.position(where.source, where.begin);
  json["file"] = printable(sources.name(where.source));
  json["line"] = begin.line;
  json["column"] = begin.column;
  if (!with_end) return;
  const Position end = sources.position(where.source, std::max(where.begin, where.end));
  json["end_line"] = end.line;
  json["end_column"] = end.column;
}

}  // namespace

Diagnostic& Diagnostics::error(Code code, Span where, std::string message) {
  ++errors_;
  Diagnostic& added = all_.emplace_back();
  added.code = code;
  added.where = where;
  added.message = std::move(message);
  return added;
}

Diagnostic& Diagnostics::error(Code code, std::string subject, std::string message) {
  Diagnostic& added = error(code, Span{}, std::move(message));
  added.subject = std::move(subject);
  return added;
}

Diagnostic& Diagnostics::warning(Code code, Span where, std::string message) {
  Diagnostic& added = error(code, where, std::move(message));
  added.severity = Severity::Warning;
  --errors_;
  return added;
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> out = all_;
  const auto key = [](const Diagnostic& d) {
    return std::tie(d.where.source, d.where.begin, d.where.end, d.subject, d.code, d.message);
  };
  std::stable_sort(out.begin(), out.end(), [&](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
  out.erase(
      std::unique(out.begin(), out.end(), [&](const Diagnostic& a, const Diagnostic& b) { return key(a) == key(b); }),
      out.end());
  return out;
}

std::string render_text(const Diagnostics& diagnostics, const Sources& sources, bool colour) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics.sorted())
    append_text(out, diagnostic, sources, colour ? kAnsi : kPlain);
  return out;
}

std::string render_json(const Diagnostics& diagnostics, const Sources& sources) {
  Json list = Json::array();
  for (const Diagnostic& diagnostic : diagnostics.sorted()) {
    Json item;
    item["code"] = info(diagnostic.code).id;
    item["severity"] = diagnostic.severity == Severity::Error ? "error" : "warning";
    put_place(item, sources, diagnostic.where, true);
    if (!diagnostic.subject.empty()) item["subject"] = printable(diagnostic.subject);
    item["message"] = diagnostic.message;
    if (!diagnostic.expected.empty()) item["expected"] = diagnostic.expected;
    if (!diagnostic.hint.empty()) item["help"] = diagnostic.hint;
    item["notes"] = Json::array();
    for (const Note& note : diagnostic.notes) {
      Json entry;
      put_place(entry, sources, note.where, false);
      entry["message"] = note.text;
      item["notes"].push_back(std::move(entry));
    }
    list.push_back(std::move(item));
  }
  Json document;
  document["diagnostics"] = std::move(list);
  return document.dump(2) + "\n";
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  char escape[16];
  for (std::size_t at = 0; at < text.size();) {
    const Character c = decode(text, at);
    if (!c.valid || c.point < 0x20 || c.point == 0x7F) {
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(text[at])));
      out += escape;
    } else if (invisible(c.point)) {
      std::snprintf(escape, sizeof escape, "U+%04X", c.point);
      out += escape;
    } else {
      out += text.substr(at, c.length);
    }
    at += c.length;
  }
  return out;
}

std::string quoted(std::string_view text) {
  std::size_t at = 0;
  for (std::size_t count = 0; at < text.size() && count < kQuotedCharacters; ++count) at += decode(text, at).length;
  at = std::min(at, text.size());
  return "'" + printable(text.substr(0, at)) + (at < text.size() ? "…" : "") + "'";
}

std::string_view nearest(std::string_view text, std::span<const std::string_view> candidates) {
  constexpr std::size_t kLongest = 64;
  if (text.empty() || text.size() > kLongest) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, text.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kLongest) continue;
    std::size_t rows[3][kLongest + 1];
    std::size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (std::size_t j = 0; j <= candidate.size(); ++j) above[j] = j;
    for (std::size_t i = 1; i <= text.size(); ++i) {
      row[0] = i;
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        const std::size_t cost = text[i - 1] == candidate[j - 1] ? 0 : 1;
        row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + cost});
        if (i > 1 && j > 1 && text[i - 1] == candidate[j - 2] && text[i - 2] == candidate[j - 1])
          row[j] = std::min(row[j], before[j - 2] + 1);
      }
      std::size_t* spare = before;
      before = above;
      above = row;
      row = spare;
    }
    if (above[candidate.size()] < best_distance) {
      best_distance = above[candidate.size()];
      best = candidate;
    }
  }
  return best;
}

}  // namespace airtight
