#include "compiler/policy/source.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace airtight {

std::uint32_t Sources::add(std::string name, std::string text) {
  Source& added = sources_.emplace_back();
  added.name = std::move(name);
  added.text = std::move(text);
  added.line_starts.push_back(0);
  for (std::size_t at = added.text.find('\n'); at != std::string::npos; at = added.text.find('\n', at + 1))
    added.line_starts.push_back(static_cast<std::uint32_t>(at + 1));
  return static_cast<std::uint32_t>(sources_.size());
}

const Sources::Source& Sources::at(std::uint32_t source) const {
  assert(source >= 1 && source <= sources_.size());
  return sources_[source - 1];
}

const std::string& Sources::name(std::uint32_t source) const { return at(source).name; }

std::string_view Sources::basename(std::uint32_t source) const {
  const std::string_view path = name(source);
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view Sources::text(std::uint32_t source) const { return at(source).text; }

std::string_view Sources::text(Span span) const { return text(span.source).substr(span.begin, span.end - span.begin); }

Position Sources::position(std::uint32_t source, std::uint32_t offset) const {
  const Source& found = at(source);
  offset = std::min(offset, static_cast<std::uint32_t>(found.text.size()));
  const auto next = std::upper_bound(found.line_starts.begin(), found.line_starts.end(), offset);
  const auto number = next - found.line_starts.begin();
  const auto begin = found.text.begin() + static_cast<std::ptrdiff_t>(*(next - 1));
  // Continuation bytes (10xxxxxx) belong to the character before them.
  const auto characters = std::count_if(begin, found.text.begin() + static_cast<std::ptrdiff_t>(offset),
                                        [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  return {static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(characters + 1)};
}

std::string_view Sources::line(std::uint32_t source, std::uint32_t offset) const {
  const Source& found = at(source);
  const std::string_view all = found.text;
  const std::size_t start = found.line_starts[position(source, offset).line - 1];
  std::string_view line = all.substr(start, std::min(all.find('\n', start), all.size()) - start);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace airtight
