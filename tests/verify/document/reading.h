// What the tests of the document readers say things with: trees as one line of text, diagnostics as "line:column code
// message".
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/verify/document.h"

namespace airtight::verify {

// Strings in quotes, everything else bare: {"a": [1, true, null]}. Controls as they are.
inline std::string print(const Value& value) {
  std::string out;
  switch (value.kind) {
    case Value::Kind::Null:
      return "null";
    case Value::Kind::Bool:
    case Value::Kind::Number:
      return value.text;
    case Value::Kind::String:
      return '"' + value.text + '"';
    case Value::Kind::List:
      for (const Value& item : value.items) out += (out.empty() ? "" : ", ") + print(item);
      return '[' + out + ']';
    case Value::Kind::Map:
      for (const Member& member : value.members)
        out += (out.empty() ? "" : ", ") + ('"' + member.key + "\": ") + print(member.value);
      return '{' + out + '}';
  }
  return out;
}

struct Reading {
  std::vector<std::string> objects;  // printed; behind "KIND: " where a list gave the kind
  std::vector<std::string> errors;   // "line:column id message [expected ...] [note line:column text]"
  bool good = false;
};

inline std::string place(const Sources& sources, Span span) {
  if (!span.known()) return "-";
  const Position at = sources.position(span.source, span.begin);
  return std::to_string(at.line) + ":" + std::to_string(at.column);
}

inline std::vector<std::string> describe(const Diagnostics& diagnostics, const Sources& sources) {
  std::vector<std::string> lines;
  for (const Diagnostic& one : diagnostics.sorted()) {
    std::string& line = lines.emplace_back(place(sources, one.where) + " " + std::string(info(one.code).id));
    line += " " + one.message;
    if (!one.expected.empty()) line += " [expected " + one.expected + "]";
    if (!one.hint.empty()) line += " [help " + one.hint + "]";
    for (const Note& note : one.notes) line += " [note " + place(sources, note.where) + " " + note.text + "]";
  }
  return lines;
}

inline Reading read(std::string text) {
  Sources sources;
  Diagnostics diagnostics;
  Reading reading;
  const std::uint32_t source = sources.add("artifact", std::move(text));
  reading.good = read_objects(source, sources, diagnostics, [&](Value&& object, std::string_view list_kind) {
    reading.objects.push_back((list_kind.empty() ? "" : std::string(list_kind) + ": ") + print(object));
  });
  reading.errors = describe(diagnostics, sources);
  return reading;
}

// The only object, or what is wrong.
inline std::string read_one(std::string text) {
  const Reading reading = read(std::move(text));
  if (!reading.errors.empty()) return reading.errors[0];
  return reading.objects.size() == 1 ? reading.objects[0] : std::to_string(reading.objects.size()) + " objects";
}

}  // namespace airtight::verify
