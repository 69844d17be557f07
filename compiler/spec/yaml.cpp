#include "compiler/spec/yaml.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <map>
#include <streambuf>
#include <utility>

#include "compiler/spec/text_check.h"

namespace airtight {
namespace {

// Reads a string_view without copying it.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // NOLINT: streambuf's interface; a get area is never written
    setg(begin, begin, begin + text.size());
  }
};

// Leaves yaml-cpp from inside an event; the error is already reported.
struct Stop {};

std::size_t size_of(const Node& node) {
  std::size_t count = 1;
  for (const Node& item : node.items) count += size_of(item);
  for (const Member& member : node.members) count += 1 + size_of(member.value);
  return count;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::uint32_t source, std::string_view text, std::uint32_t shift, Diagnostics& diagnostics)
      : source_(source), text_(text), shift_(shift), diagnostics_(diagnostics) {}

  void OnDocumentStart(const YAML::Mark& mark) override { document_ = point(mark); }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.span = scalar_span(mark, "");
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Span at = word_span(mark);
    if (expecting_key()) {
      diagnostics_.error(Code::KeyNotScalar, at, "an alias as a key").expect("a plain name");
      throw Stop{};
    }
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      diagnostics_.error(Code::AliasExpansion, at, "an alias inside of what it repeats");
      throw Stop{};
    }
    alias_nodes_ += found->second.second;
    if (alias_nodes_ > kMaxAliasNodes) {
      diagnostics_
          .error(Code::AliasExpansion, at, "aliases repeat more than " + std::to_string(kMaxAliasNodes) + " nodes")
          .help("write the list once, under an endpoint or workload of its own");
      throw Stop{};
    }
    add(Node(found->second.first), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.kind = Node::Kind::Scalar;
    node.quoted = tag == "!";
    node.span = scalar_span(mark, value);
    refuse_tag(mark, tag);
    // yaml-cpp takes the end of the text for the closing quote where a line end stands before it.
    if (const char first = node.span.begin < text_.size() ? text_[node.span.begin] : ' ';
        (first == '"' || first == '\'') && !quoted_end(node.span.begin)) {
      diagnostics_.error(Code::YamlSyntax, Span{node.span.source, node.span.begin, node.span.begin + 1},
                         "not YAML: the quote that starts here is not closed");
      throw Stop{};
    }
    if (value.size() > kMaxScalarBytes) {
      diagnostics_.error(Code::TooBig, node.span, "a scalar of " + std::to_string(value.size()) + " bytes")
          .expect("at most " + std::to_string(kMaxScalarBytes) + " bytes");
      throw Stop{};
    }
    Code code = Code::ControlCharacter;
    if (const std::string hidden = describe_hidden(value, code); !hidden.empty()) {
      failed_ = true;
      diagnostics_.error(code, node.span, "the value holds " + hidden).help("remove the escape that makes it");
    }
    node.text = value;
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::Sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::Map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  Node take() { return std::move(root_); }
  Span document() const { return document_; }
  bool failed() const { return failed_; }
  // The innermost list or map that has not ended; unknown if there is none.
  Span unfinished() const { return stack_.empty() ? Span{} : stack_.back().node.span; }
  Span point(const YAML::Mark& mark) const {
    const auto at =
        static_cast<std::uint32_t>(std::clamp<long>(mark.pos, 0, static_cast<long>(text_.size()) - shift_)) + shift_;
    return {source_, at, at};
  }
  // From the mark to the end of the word there.
  Span word_span(const YAML::Mark& mark) const {
    Span span = point(mark);
    if (span.begin < text_.size() && (text_[span.begin] == '[' || text_[span.begin] == '{')) {
      span.end = span.begin + 1;
      return span;
    }
    const std::size_t stop = text_.find_first_of(" \r\n,]}:#", span.begin);
    span.end = static_cast<std::uint32_t>(
        std::max<std::size_t>(std::min(stop, text_.size()), std::min<std::size_t>(span.begin + 1, text_.size())));
    return span;
  }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor;
    bool have_key = false;
    std::string key;
    Span key_span;
    bool key_quoted = false;
  };

  bool expecting_key() const {
    return !stack_.empty() && stack_.back().node.kind == Node::Kind::Map && !stack_.back().have_key;
  }

  // Behind the closing quote; nothing if there is none.
  std::optional<std::size_t> quoted_end(std::size_t begin) const {
    const char quote = text_[begin];
    for (std::size_t end = begin + 1; end < text_.size(); ++end) {
      if (quote == '"' && text_[end] == '\\') {
        ++end;
      } else if (text_[end] == quote) {
        if (quote == '"' || text_.substr(end + 1, 1) != "'") return end + 1;
        ++end;  // '' is a quote inside of single quotes
      }
    }
    return std::nullopt;
  }

  // yaml-cpp tells where a token starts; where it ends is in the text.
  Span scalar_span(const YAML::Mark& mark, const std::string& value) const {
    Span span = point(mark);
    std::size_t at = span.begin;
    while (at < text_.size() && (text_[at] == '&' || text_[at] == '!')) {  // properties come before the value
      at = std::min(text_.find_first_of(" \r\n", at), text_.size());
      at = std::min(text_.find_first_not_of(" \r\n", at), text_.size());
    }
    std::size_t end = at;
    if (at < text_.size() && (text_[at] == '"' || text_[at] == '\'')) {
      end = quoted_end(at).value_or(text_.size());
    } else if (at < text_.size() && (text_[at] == '|' || text_[at] == '>')) {
      end = at + 1;
    } else if (!value.empty() && text_.substr(at, value.size()) == value) {
      end = at + value.size();
    } else if (!value.empty()) {
      end = std::min(text_.find_first_of("\r\n", at), text_.size());
    } else {
      end = word_span(mark).end;
      if (at < text_.size() && (text_[at] == '\n' || text_[at] == ',' || text_[at] == '}' || text_[at] == ']'))
        end = at;
    }
    span.begin = static_cast<std::uint32_t>(at);
    span.end = static_cast<std::uint32_t>(end);
    return span;
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    const Span at = point(mark);
    const bool explicit_mark = at.begin < text_.size() && text_[at.begin] == '!';
    if ((tag.empty() || tag == "?" || tag == "!") && !explicit_mark) return;
    failed_ = true;
    diagnostics_.error(Code::YamlTag, word_span(mark), "a tag changes how the value is read")
        .help("remove it; put the value in quotes if text is meant");
  }

  void count(Span at) {
    if (++nodes_ <= kMaxNodes) return;
    diagnostics_.error(Code::TooBig, at, "more than " + std::to_string(kMaxNodes) + " values in one file");
    throw Stop{};
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const Span at = point(mark);
    count(at);
    refuse_tag(mark, tag);
    if (expecting_key()) {
      diagnostics_
          .error(Code::KeyNotScalar, word_span(mark), kind == Node::Kind::Map ? "a map as a key" : "a list as a key")
          .expect("a plain name");
      throw Stop{};
    }
    if (stack_.size() >= kMaxDepth) {
      diagnostics_.error(Code::TooDeep, word_span(mark), "nested deeper than " + std::to_string(kMaxDepth) + " levels");
      throw Stop{};
    }
    Open& opened = stack_.emplace_back();
    opened.node.kind = kind;
    opened.node.span = word_span(mark);
    opened.anchor = anchor;
  }

  void close() {
    Open closed = std::move(stack_.back());
    stack_.pop_back();
    if (closed.node.kind == Node::Kind::Map) refuse_duplicates(closed.node);
    if (stack_.empty()) {
      root_ = std::move(closed.node);
      return;
    }
    place(std::move(closed.node), closed.anchor);
  }

  void add(Node node, YAML::anchor_t anchor) {
    count(node.span);
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    if (expecting_key()) {
      if (node.kind != Node::Kind::Scalar) {
        diagnostics_.error(Code::KeyNotScalar, node.span, "null as a key").expect("a plain name");
        throw Stop{};
      }
      if (node.text == "<<" && !node.quoted) {
        failed_ = true;
        diagnostics_.error(Code::MergeKey, node.span, "merge key")
            .help("write the keys out, or put them in a second file: airtight merges files itself");
      }
      Open& top = stack_.back();
      top.have_key = true;
      top.key = std::move(node.text);
      top.key_span = node.span;
      top.key_quoted = node.quoted;
      return;
    }
    place(std::move(node), anchor);
  }

  void place(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) {
      const std::size_t size = size_of(node);
      anchored_ += size;
      if (anchored_ > kMaxNodes) {
        diagnostics_.error(Code::AliasExpansion, node.span,
                           "nested anchors hold more than " + std::to_string(kMaxNodes) + " nodes");
        throw Stop{};
      }
      anchors_[anchor] = {node, size};
    }
    Open& top = stack_.back();
    if (top.node.kind == Node::Kind::Sequence) {
      top.node.items.push_back(std::move(node));
      return;
    }
    top.node.members.push_back({std::move(top.key), top.key_span, std::move(node), top.key_quoted});
    top.have_key = false;
  }

  void refuse_duplicates(const Node& map) {
    std::vector<const Member*> sorted;
    sorted.reserve(map.members.size());
    for (const Member& member : map.members) sorted.push_back(&member);
    std::stable_sort(sorted.begin(), sorted.end(), [](const Member* a, const Member* b) { return a->key < b->key; });
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i]->key != sorted[i - 1]->key) continue;
      failed_ = true;
      diagnostics_
          .error(Code::DuplicateKey, sorted[i]->key_span, "key " + quoted(sorted[i]->key) + " stands twice in one map")
          .note(sorted[i - 1]->key_span, "it stands here already");
    }
  }

  std::uint32_t source_;
  std::string_view text_;
  std::uint32_t shift_;
  Diagnostics& diagnostics_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, std::pair<Node, std::size_t>> anchors_;
  Node root_;
  Span document_;
  std::size_t nodes_ = 0;
  std::size_t alias_nodes_ = 0;
  std::size_t anchored_ = 0;
  bool failed_ = false;
};

// What yaml-cpp found, as the author of a spec would say it.
std::string in_words(const std::string& message) {
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"end of sequence flow not found", "a list that '[' opened is not closed before this"},
      {"end of map flow not found", "a map that '{' opened is not closed before this"},
      {"end of map not found", "this neither continues the map above nor ends it; see its indentation"},
      {"end of sequence not found", "this neither continues the list above nor ends it; see its indentation"},
      {"illegal map value", "a ':' where no key can be; often the line above lacks a space after its own"}};
  for (const auto& [theirs, ours] : kWords)
    if (message == theirs) return std::string(ours);
  return printable(message);
}

}  // namespace

const Member* Node::find(std::string_view key) const {
  for (const Member& member : members)
    if (member.key == key) return &member;
  return nullptr;
}

std::string_view describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Null:
      return "nothing";
    case Node::Kind::Scalar:
      return "a single value";
    case Node::Kind::Sequence:
      return "a list";
    case Node::Kind::Map:
      return "a map";
  }
  return {};
}

std::optional<Node> read_yaml(std::uint32_t source, const Sources& sources, Diagnostics& diagnostics) {
  if (!check_text(source, sources, diagnostics)) return std::nullopt;
  const std::string_view text = sources.text(source);
  const auto shift = static_cast<std::uint32_t>(byte_order_mark(text));
  ViewBuffer buffer(text.substr(shift));
  std::istream stream(&buffer);
  TreeBuilder builder(source, text, shift, diagnostics);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      diagnostics.error(Code::EmptyDocument, sources.name(source), "the file holds no document");
      return std::nullopt;
    }
    Node root = builder.take();
    TreeBuilder second(source, text, shift, diagnostics);
    if (parser.HandleNextDocument(second)) {
      diagnostics.error(Code::SeveralDocuments, second.document(), "a second document starts here")
          .help("put it in a file of its own and give both files");
      return std::nullopt;
    }
    if (builder.failed()) return std::nullopt;
    if (root.kind == Node::Kind::Null) {
      diagnostics.error(Code::EmptyDocument, sources.name(source), "the file holds no document");
      return std::nullopt;
    }
    return root;
  } catch (const Stop&) {
    return std::nullopt;
  } catch (const YAML::DeepRecursion& error) {
    diagnostics.error(Code::TooDeep, builder.point(error.mark),
                      "nested deeper than " + std::to_string(kMaxDepth) + " levels");
  } catch (const YAML::Exception& error) {
    Diagnostic& added =
        diagnostics.error(Code::YamlSyntax, builder.word_span(error.mark), "not YAML: " + in_words(error.msg));
    if (const Span open = builder.unfinished(); open.known() && error.msg.starts_with("end of "))
      added.note(open, "what is not ended starts here");
  }
  return std::nullopt;
}

}  // namespace airtight
