#include "compiler/spec/merge.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

namespace airtight {
namespace {

constexpr std::string_view kApiVersion = "airtight.dev/v1";
constexpr std::string_view kKind = "IsolationSpec";

// Takes apiVersion and kind out of the document after checking them.
bool check_header(Node& document, Diagnostics& diagnostics) {
  if (document.kind != Node::Kind::Map) {
    diagnostics.error(Code::WrongType, document.span, "a spec is a map, this is " + std::string(describe(document)))
        .expect("apiVersion, kind, metadata, boundary …");
    return false;
  }
  bool good = true;
  const auto want = [&](std::string_view key, std::string_view value, Code code) {
    const auto found =
        std::find_if(document.members.begin(), document.members.end(), [&](const Member& m) { return m.key == key; });
    if (found == document.members.end()) {
      diagnostics.error(Code::MissingField, document.span, "field '" + std::string(key) + "' is missing")
          .help("add " + std::string(key) + ": " + std::string(value));
      good = false;
      return;
    }
    if (found->value.kind != Node::Kind::Scalar || found->value.text != value) {
      const std::string got =
          found->value.kind == Node::Kind::Scalar ? quoted(found->value.text) : std::string(describe(found->value));
      diagnostics.error(code, found->value.span, std::string(key) + " is " + got).expect(std::string(value));
      good = false;
    }
    document.members.erase(found);
  };
  want("apiVersion", kApiVersion, Code::WrongApiVersion);
  want("kind", kKind, Code::WrongKind);
  return good;
}

void merge_into(Node& into, Node from, std::string_view path, Diagnostics& diagnostics) {
  if (from.kind == Node::Kind::Null) return;
  if (into.kind == Node::Kind::Null) {
    into = std::move(from);
    return;
  }
  if (into.kind == Node::Kind::Map && from.kind == Node::Kind::Map) {
    for (Member& member : from.members) {
      const auto found =
          std::find_if(into.members.begin(), into.members.end(), [&](const Member& m) { return m.key == member.key; });
      if (found == into.members.end())
        into.members.push_back(std::move(member));
      else
        merge_into(found->value, std::move(member.value),
                   path.empty() ? member.key : std::string(path) + "." + member.key, diagnostics);
    }
    return;
  }
  const bool appends = path == "flows" || path == "exceptions";
  if (appends && into.kind == Node::Kind::Sequence && from.kind == Node::Kind::Sequence) {
    into.items.insert(into.items.end(), std::make_move_iterator(from.items.begin()),
                      std::make_move_iterator(from.items.end()));
    return;
  }
  diagnostics.error(Code::GivenTwice, from.span, "'" + printable(path) + "' is given by two files")
      .note(into.span, "it is given here already")
      .help("leave it to one file; a null in a base marks what another file fills in");
}

void append_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escape;
      continue;
    }
    out += c;
  }
  out += '"';
}

void append_node(std::string& out, const Node& node) {
  switch (node.kind) {
    case Node::Kind::Null:
      out += "null";
      return;
    case Node::Kind::Scalar:
      append_text(out, node.text);
      return;
    case Node::Kind::Sequence: {
      out += '[';
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        if (i != 0) out += ',';
        append_node(out, node.items[i]);
      }
      out += ']';
      return;
    }
    case Node::Kind::Map: {
      std::vector<const Member*> sorted;
      sorted.reserve(node.members.size());
      for (const Member& member : node.members) sorted.push_back(&member);
      std::sort(sorted.begin(), sorted.end(), [](const Member* a, const Member* b) { return a->key < b->key; });
      out += '{';
      for (std::size_t i = 0; i < sorted.size(); ++i) {
        if (i != 0) out += ',';
        append_text(out, sorted[i]->key);
        out += ':';
        append_node(out, sorted[i]->value);
      }
      out += '}';
      return;
    }
  }
}

}  // namespace

std::optional<Node> merge_specs(std::vector<Node> documents, const Sources&, Diagnostics& diagnostics) {
  bool good = !documents.empty();
  for (Node& document : documents) good = check_header(document, diagnostics) && good;
  if (!good) return std::nullopt;
  Node merged = std::move(documents.front());
  for (std::size_t i = 1; i < documents.size(); ++i) {
    std::vector<Member>& members = documents[i].members;
    const auto metadata =
        std::find_if(members.begin(), members.end(), [](const Member& m) { return m.key == "metadata"; });
    if (metadata != members.end() && merged.find("metadata")) members.erase(metadata);
    merge_into(merged, std::move(documents[i]), "", diagnostics);
  }
  return merged;
}

std::string canonical_spec(const Node& merged) {
  std::string out;
  append_node(out, merged);
  return out;
}

}  // namespace airtight
