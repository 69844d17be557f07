// Collected errors, rendered in one place. Message, what was expected, the way out and second places are separate
// fields, so that a call site is one statement and text and JSON say the same.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/policy/diagnostic_code.h"
#include "compiler/policy/source.h"

namespace airtight {

enum class Severity : std::uint8_t { Error, Warning };

struct Note {
  Span where;
  std::string text;
};

struct Diagnostic {
  Code code;
  Severity severity = Severity::Error;
  Span where;            // the exact token; unknown for what belongs to no text (a directory, a device)
  std::string subject;   // shown in place of file:line:column where `where` is unknown
  std::string message;   // one clause, lower case, no full stop
  std::string expected;  // what would have been accepted; may be empty
  std::string hint;      // a way out; may be empty
  std::vector<Note> notes;

  Diagnostic& expect(std::string text) {
    expected = std::move(text);
    return *this;
  }
  Diagnostic& help(std::string text) {
    hint = std::move(text);
    return *this;
  }
  Diagnostic& note(Span at, std::string text) {
    notes.push_back({at, std::move(text)});
    return *this;
  }
};

// Not thread-safe. A reference that `error` returns is valid until the next call.
class Diagnostics {
 public:
  Diagnostic& error(Code, Span where, std::string message);
  Diagnostic& error(Code, std::string subject, std::string message);
  Diagnostic& warning(Code, Span where, std::string message);

  bool has_errors() const { return errors_ != 0; }
  std::size_t errors() const { return errors_; }
  bool empty() const { return all_.empty(); }
  // By file (in the order given), line, column, code; equal ones once.
  std::vector<Diagnostic> sorted() const;

 private:
  std::vector<Diagnostic> all_;
  std::size_t errors_ = 0;
};

// file:line:column: error[CODE]: message, the source line, a caret under the token, expected, help, notes.
std::string render_text(const Diagnostics&, const Sources&, bool colour);
// {"diagnostics":[{"code","severity","file","line","column","end_line","end_column","message","expected","help",
//  "notes":[{"file","line","column","message"}]}]}, see diagnostics.schema.json. Ends with a newline.
std::string render_json(const Diagnostics&, const Sources&);

// Characters of the user's text made safe for a terminal: controls and bytes that are not UTF-8 as \xNN, bidirectional
// and zero-width characters as U+NNNN.
std::string printable(std::string_view text);
// The same, in single quotes and cut after 60 characters: how a message quotes the user.
std::string quoted(std::string_view text);
// The candidate nearest to `text` by optimal string alignment distance, if near enough to be a slip; else empty.
std::string_view nearest(std::string_view text, std::span<const std::string_view> candidates);

}  // namespace airtight
