// Any bytes as an artifact: read_objects and read_document never crash, and refuse nothing without a word. Where the
// fast YAML reader understands a document, yaml-cpp accepts it and gives an equal tree; an object read from a stream is
// the one that a whole reading gives.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/verify/document.h"

namespace {

void demand(bool condition) {
  if (!condition) std::abort();
}

// Whether each item is handed over as it is.
bool are_simple(const airtight::verify::Value& items) {
  for (const airtight::verify::Value& item : items.items) {
    const airtight::verify::Value* kind = item.find("kind");
    if (kind == nullptr || !kind->is_string() || kind->text.empty() || item.find("items") != nullptr) return false;
  }
  return items.is_list();
}

// What read_objects refuses before any reader of YAML sees it.
bool fit_for_yaml(const airtight::Diagnostics& diagnostics) {
  for (const airtight::Diagnostic& one : diagnostics.sorted())
    if (one.code == airtight::Code::NotUtf8 || one.code == airtight::Code::Utf16 ||
        one.code == airtight::Code::ControlCharacter || one.code == airtight::Code::LineEnd)
      return false;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace airtight;
  using namespace airtight::verify;
  Sources sources;
  const std::uint32_t source = sources.add("artifact", std::string(reinterpret_cast<const char*>(data), size));

  Diagnostics of_objects;
  std::vector<Value> objects;
  const bool good = read_objects(source, sources, of_objects,
                                 [&](Value&& object, std::string_view) { objects.push_back(std::move(object)); });
  demand(good != of_objects.has_errors());
  render_text(of_objects, sources, false);

  Diagnostics of_document;
  const std::optional<Value> document = read_document(source, sources, of_document);
  demand(document.has_value() != of_document.has_errors());
  if (document && good && !document->is_null() && document->find("items") == nullptr)
    demand(objects.size() == 1 && same_value(objects[0], *document));
  if (const Value* items = document && good ? document->find("items") : nullptr;
      items != nullptr && are_simple(*items)) {
    demand(objects.size() == items->items.size());
    for (std::size_t i = 0; i < objects.size(); ++i) demand(same_value(objects[i], items->items[i]));
  }

  const std::string_view text = sources.text(source);
  if (!fit_for_yaml(of_objects) || text.starts_with("\xEF\xBB\xBF")) return 0;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] == '{' || text[first] == '[') return 0;
  const std::size_t marker = text.find("\n---");
  const auto end = static_cast<std::uint32_t>(marker == std::string_view::npos ? size : marker + 1);
  const std::optional<Value> fast = read_plain_yaml(source, sources, 0, end);
  if (!fast || text.starts_with("---") || text.find("\n...") < end) return 0;
  Diagnostics of_full;
  const std::optional<Value> full = read_full_yaml(source, sources, 0, end, of_full);
  demand(full && same_value(*fast, *full));
  return 0;
}
