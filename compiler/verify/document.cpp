#include "compiler/verify/document.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "compiler/net/excerpt.h"
#include "compiler/verify/document_tree.h"

namespace airtight::verify {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kSpace = " \t\r\n";

bool starts_json(std::string_view text, std::size_t begin) {
  const std::size_t first = text.find_first_not_of(kSpace, begin);
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

// Zero bytes give UTF-16 and UTF-32 away: YAML and JSON start with an ASCII character.
bool is_wide(std::string_view text) {
  return text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF") || text.starts_with("\0\0\xFE\xFF"sv) ||
         (text.size() >= 2 && (text[0] == '\0') != (text[1] == '\0'));
}

// The first character that is nothing for a reader of YAML (`yaml`), or of JSON; there a string's own reader sees the
// control characters. U+0085, U+2028 and U+2029 end a line, and with it a comment, for some readers of YAML only.
bool check_characters(const Text& text, std::size_t begin, bool yaml, Diagnostics& diagnostics) {
  const std::string_view all = text.all;
  const auto refuse = [&](Code code, std::size_t at, std::size_t length, std::string message) {
    diagnostics.error(code, text.span(at, at + length), std::move(message));
    return false;
  };
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHigh = 0x8080808080808080U;
  for (std::size_t at = begin; at < all.size();) {
    if (at + 8 <= all.size()) {  // eight characters at once where all are plain ones
      std::uint64_t eight = 0;
      std::memcpy(&eight, all.data() + at, 8);
      const std::uint64_t is_delete = (eight ^ (kOnes * 0x7F)) - kOnes;
      const std::uint64_t special = yaml ? eight | (eight - kOnes * 0x20) | is_delete : eight;
      if ((special & kHigh) == 0) {
        at += 8;
        continue;
      }
    }
    const auto c = static_cast<unsigned char>(all[at]);
    if (c < 0x80) {
      if (yaml && c == '\r' && all.substr(at + 1, 1) != "\n")
        return refuse(Code::LineEnd, at, 1, "a carriage return without a line feed");
      if (yaml && ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7F))
        return refuse(Code::ControlCharacter, at, 1, c == 0 ? "NUL byte" : "control character " + name_of(c));
      ++at;
      continue;
    }
    const std::optional<CodePoint> point = first_code_point(all.substr(at, 4));
    if (!point) {
      char byte[8];
      std::snprintf(byte, sizeof byte, "0x%02x", static_cast<unsigned>(c));
      return refuse(Code::NotUtf8, at, 1, "byte " + std::string(byte) + " is not part of UTF-8 text");
    }
    const char32_t value = point->value;
    if (yaml && (value == 0x85 || value == 0x2028 || value == 0x2029 || value == 0xFEFF))
      return refuse(Code::LineEnd, at, point->length,
                    name_of(value) + " is a line end or a mark for some readers only");
    if (yaml && (value < 0xA0 || value == 0xFFFE || value == 0xFFFF))
      return refuse(Code::ControlCharacter, at, point->length, "control character " + name_of(value));
    at += point->length;
  }
  return true;
}

struct Extent {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t next = std::string_view::npos;  // behind the line '---' that ends it; npos: it is the last one
};

std::size_t next_line(std::string_view text, std::size_t at) {
  const std::size_t end = text.find('\n', at);
  return end == std::string_view::npos ? text.size() : end + 1;
}

// Only white space and a comment, to the end of the line.
bool is_bare(std::string_view text, std::size_t at) {
  const std::size_t first = text.find_first_not_of(" \t\r", at);
  return first == std::string_view::npos || text[first] == '\n' || text[first] == '#';
}

// Finds the documents of a YAML stream by their markers, which stand at the start of a line and nowhere else. Stricter
// than YAML, as kubectl is: nothing but a comment may stand in the line of a marker, and behind '...' only '---' starts
// another document (kubectl ignores the rest).
class Documents {
 public:
  Documents(const Text& text, Diagnostics& diagnostics) : text_(text), diagnostics_(diagnostics) {}

  // The document that starts at `begin`, the start of a line; nullopt: an error.
  std::optional<Extent> at(std::size_t begin) {
    const std::string_view all = text_.all;
    std::size_t ended = std::string_view::npos;  // where '...' stands
    for (std::size_t line = begin; line < all.size(); line = next_line(all, line)) {
      if (marks(line, "---")) {
        if (!is_bare(all, line + 3)) return refuse(line, "text in the line of a '---'", "a line of its own for it");
        return Extent{begin, std::min(ended, line), next_line(all, line)};
      }
      if (ended != std::string_view::npos) {
        if (!is_bare(all, line)) return refuse(line, "text behind the end of the document", "a line '---' before it");
      } else if (marks(line, "...") && is_bare(all, line + 3)) {
        ended = line;
      } else if (all[line] == '%') {
        return refuse(line, "a line that starts with '%'", "no directives");
      }
    }
    return Extent{begin, std::min(ended, all.size())};
  }

 private:
  bool marks(std::size_t line, std::string_view marker) const { return text_.all.substr(line, 3) == marker; }
  std::nullopt_t refuse(std::size_t line, std::string message, std::string expected) {
    const std::size_t end = std::min(text_.all.find_first_of("\r\n", line), text_.all.size());
    diagnostics_.error(Code::YamlSyntax, text_.span(line, end), "not YAML: " + std::move(message))
        .expect(std::move(expected));
    return std::nullopt;
  }

  const Text& text_;
  Diagnostics& diagnostics_;
};

// What is asked of a source before any reader sees it. `begin` receives where its text starts.
bool admit(const Text& text, const Sources& sources, std::size_t& begin, Diagnostics& diagnostics) {
  if (text.all.size() > kMaxArtifactBytes) {
    diagnostics
        .error(Code::TooBig, sources.name(text.source), "the file has " + std::to_string(text.all.size()) + " bytes")
        .expect("at most " + std::to_string(kMaxArtifactBytes) + " bytes");
    return false;
  }
  if (is_wide(text.all)) {
    diagnostics.error(Code::Utf16, sources.name(text.source), "the file is UTF-16 or UTF-32 text").expect("UTF-8");
    return false;
  }
  begin = text.all.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  return check_characters(text, begin, !starts_json(text.all, begin), diagnostics);
}

// Fast where it can be, by yaml-cpp where not.
bool read_yaml(const Text& text, const Extent& document, Handover& handover, Diagnostics& diagnostics) {
  handover.start_document();
  Diagnostics unsaid;
  TreeBuilder fast(unsaid, &handover);
  if (parse_plain_yaml(text, document.begin, document.end, fast)) return fast.finish();
  if (handover.failed()) return false;
  handover.start_again();
  TreeBuilder full(diagnostics, &handover);
  return parse_full_yaml(text, document.begin, document.end, full, diagnostics) && full.finish();
}

bool read_yaml_stream(const Text& text, std::size_t begin, Handover& handover, Diagnostics& diagnostics) {
  Documents documents(text, diagnostics);
  bool good = true;
  while (begin != std::string_view::npos && !handover.failed()) {
    const std::optional<Extent> document = documents.at(begin);
    if (!document) return false;
    if (!read_yaml(text, *document, handover, diagnostics)) good = false;
    begin = document->next;
  }
  return good;
}

std::size_t skip_space(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(kSpace, at), text.size());
}

bool starts_line(std::string_view text, std::size_t at) { return at == 0 || text[at - 1] == '\n'; }

}  // namespace

const Member* Value::member(std::string_view key) const {
  for (const Member& member : members)
    if (member.key == key) return &member;
  return nullptr;
}

const Value* Value::find(std::string_view key) const {
  const Member* found = member(key);
  return found == nullptr ? nullptr : &found->value;
}

bool same_value(const Value& a, const Value& b) {
  if (a.kind != b.kind || a.text != b.text || a.items.size() != b.items.size() || a.members.size() != b.members.size())
    return false;
  for (std::size_t i = 0; i < a.items.size(); ++i)
    if (!same_value(a.items[i], b.items[i])) return false;
  for (std::size_t i = 0; i < a.members.size(); ++i) {
    const Member& mine = a.members[i];
    const Value* theirs = b.members[i].key == mine.key ? &b.members[i].value : b.find(mine.key);
    if (theirs == nullptr || !same_value(mine.value, *theirs)) return false;
  }
  return true;
}

bool read_objects(std::uint32_t source, const Sources& sources, Diagnostics& diagnostics, const ObjectSink& sink) {
  const Text text{source, sources.text(source)};
  std::size_t at = 0;
  if (!admit(text, sources, at, diagnostics)) return false;
  Handover handover(sink, diagnostics);
  if (!starts_json(text.all, at)) return read_yaml_stream(text, at, handover, diagnostics);
  while (at = skip_space(text.all, at), at < text.all.size()) {
    if (text.all.substr(at, 3) == "---" && starts_line(text.all, at))
      return check_characters(text, at, true, diagnostics) && read_yaml_stream(text, at, handover, diagnostics);
    if (!starts_json(text.all, at)) {
      diagnostics.error(Code::YamlSyntax, text.span(at, at + 1), "not JSON: text behind the end of the document");
      return false;
    }
    handover.start_document();
    TreeBuilder builder(diagnostics, &handover);
    if (!parse_json(text, at, at, builder, diagnostics) || !builder.finish()) return false;
  }
  return true;
}

std::optional<Value> read_document(std::uint32_t source, const Sources& sources, Diagnostics& diagnostics) {
  const Text text{source, sources.text(source)};
  std::size_t at = 0;
  if (!admit(text, sources, at, diagnostics)) return std::nullopt;
  std::optional<Value> found;
  const auto several = [&](std::size_t where) {
    diagnostics
        .error(Code::SeveralDocuments, text.span(where, std::min(where + 1, text.all.size())),
               "a second document starts here")
        .expect("one document");
    return std::nullopt;
  };
  if (starts_json(text.all, at)) {
    TreeBuilder builder(diagnostics, nullptr);
    if (!parse_json(text, at, at, builder, diagnostics)) return std::nullopt;
    if (at = skip_space(text.all, at); at < text.all.size()) return several(at);
    return builder.take();
  }
  Documents documents(text, diagnostics);
  while (at != std::string_view::npos) {
    const std::optional<Extent> document = documents.at(at);
    if (!document) return std::nullopt;
    const auto begin = static_cast<std::uint32_t>(document->begin);
    const auto end = static_cast<std::uint32_t>(document->end);
    std::optional<Value> value = read_plain_yaml(source, sources, begin, end);
    if (!value) value = read_full_yaml(source, sources, begin, end, diagnostics);
    if (!value) return std::nullopt;
    if (!value->is_null() && found) return several(value->span.begin);
    if (!value->is_null()) found = std::move(value);
    at = document->next;
  }
  if (!found) diagnostics.error(Code::EmptyDocument, sources.name(source), "the file holds no document");
  return found;
}

std::optional<Value> read_plain_yaml(std::uint32_t source, const Sources& sources, std::uint32_t begin,
                                     std::uint32_t end) {
  const Text text{source, sources.text(source)};
  Diagnostics unsaid;
  TreeBuilder builder(unsaid, nullptr);
  if (!parse_plain_yaml(text, begin, end, builder)) return std::nullopt;
  return builder.take();
}

std::optional<Value> read_full_yaml(std::uint32_t source, const Sources& sources, std::uint32_t begin,
                                    std::uint32_t end, Diagnostics& diagnostics) {
  const Text text{source, sources.text(source)};
  TreeBuilder builder(diagnostics, nullptr);
  if (!parse_full_yaml(text, begin, end, builder, diagnostics)) return std::nullopt;
  return builder.take();
}

}  // namespace airtight::verify
