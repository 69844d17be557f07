#include "compiler/spec/fields.h"

#include <algorithm>
#include <utility>

namespace airtight {

Fields::Fields(const Node& node, std::string path, std::span<const std::string_view> known, Diagnostics& diagnostics)
    : node_(node), path_(std::move(path)), diagnostics_(diagnostics) {
  if (node.kind == Node::Kind::Null) {
    diagnostics.error(Code::NotFilled, node.span, path_ + ": is still to be filled in")
        .help("give the fields here, or in a second file next to this one");
    return;
  }
  if (node.kind != Node::Kind::Map) {
    diagnostics.error(Code::WrongType, node.span, path_ + ": is " + std::string(describe(node))).expect("a map");
    return;
  }
  for (const Member& member : node.members) {
    if (std::find(known.begin(), known.end(), member.key) != known.end()) continue;
    Diagnostic& error = diagnostics.error(Code::UnknownField, member.key_span,
                                          (path_.empty() ? "" : path_ + ": ") + "unknown field " + quoted(member.key));
    if (const std::string_view near = nearest(member.key, known); !near.empty()) {
      error.help("did you mean '" + std::string(near) + "'?");
      meant_.push_back(near);
    } else {
      std::string list;
      for (const std::string_view key : known) list += (list.empty() ? "" : ", ") + std::string(key);
      error.expect(list);
    }
  }
}

std::string Fields::path(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const Node* Fields::get(std::string_view key) const {
  if (!is_map()) return nullptr;
  const Member* member = node_.find(key);
  if (!member) return nullptr;
  if (member->value.kind == Node::Kind::Null) {
    diagnostics_.error(Code::NotFilled, member->key_span, path(key) + ": is still to be filled in")
        .help("give the value here, or in a second file next to this one");
    return nullptr;
  }
  return &member->value;
}

const Node* Fields::need(std::string_view key, std::string_view help) const {
  if (!is_map()) return nullptr;
  if (!node_.find(key)) {
    if (std::find(meant_.begin(), meant_.end(), key) != meant_.end()) return nullptr;
    Diagnostic& error =
        diagnostics_.error(Code::MissingField, node_.span,
                           (path_.empty() ? "" : path_ + ": ") + "field '" + std::string(key) + "' is missing");
    if (!help.empty()) error.help(std::string(help));
    return nullptr;
  }
  return get(key);
}

bool Fields::list(std::string_view key, bool may_be_empty, const std::function<void(const Node&)>& each) const {
  const Node* node = get(key);
  if (!node) return false;
  if (node->kind != Node::Kind::Sequence) {
    diagnostics_.error(Code::WrongType, node->span, path(key) + ": is " + std::string(describe(*node)))
        .expect("a list");
    return false;
  }
  if (node->items.empty() && !may_be_empty) {
    diagnostics_.error(Code::EmptyValue, node->span, path(key) + ": is an empty list")
        .help("leave the field out, or list at least one");
    return false;
  }
  for (const Node& item : node->items) each(item);
  return true;
}

bool Fields::one_or_more(std::string_view key, const std::function<void(const Node&)>& each) const {
  const Node* node = get(key);
  if (!node) return false;
  if (node->kind != Node::Kind::Scalar) return list(key, false, each);
  each(*node);
  return true;
}

bool Fields::map(std::string_view key, const std::function<void(const Member&)>& each) const {
  const Node* node = get(key);
  if (!node) return false;
  if (node->kind != Node::Kind::Map) {
    diagnostics_.error(Code::WrongType, node->span, path(key) + ": is " + std::string(describe(*node))).expect("a map");
    return false;
  }
  for (const Member& member : node->members) each(member);
  return true;
}

}  // namespace airtight
