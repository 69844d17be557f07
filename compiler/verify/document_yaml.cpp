// YAML by yaml-cpp: whatever the fast reader leaves. yaml-cpp finds the tokens; what they mean, and what is refused, is
// decided here.
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cctype>
#include <istream>
#include <streambuf>
#include <utility>

#include "compiler/verify/document_scalar.h"
#include "compiler/verify/document_tree.h"

namespace airtight::verify {
namespace {

using Kind = Value::Kind;

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

struct CoreTag {
  std::string_view tag;
  Kind kind;
};
constexpr CoreTag kCoreTags[] = {
    {"tag:yaml.org,2002:str", Kind::String},   {"tag:yaml.org,2002:int", Kind::Number},
    {"tag:yaml.org,2002:float", Kind::Number}, {"tag:yaml.org,2002:bool", Kind::Bool},
    {"tag:yaml.org,2002:null", Kind::Null},    {"tag:yaml.org,2002:seq", Kind::List},
    {"tag:yaml.org,2002:map", Kind::Map},
};

// Not the start of a key, as in `~ x: y`.
bool is_null_word(std::string_view text) {
  for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
    if (!text.starts_with(word)) continue;
    const std::size_t next = text.find_first_not_of(" \t", word.size());
    return next == std::string_view::npos || std::string_view("\r\n#,]}").find(text[next]) != std::string_view::npos;
  }
  return false;
}

class Events : public YAML::EventHandler {
 public:
  Events(const Text& text, std::size_t begin, std::size_t end, TreeBuilder& builder, Diagnostics& diagnostics)
      : text_(text), all_(text.all.substr(0, end)), begin_(begin), builder_(builder), diagnostics_(diagnostics) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (!std::exchange(started_, true)) return;
    stop(Code::YamlSyntax, word(at(mark)), "not YAML: the document has ended before this",
         "a line '---' before another document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    in_block_ = false;
    const bool is_value = builder_.innermost_is_map() && !builder_.expecting_key();
    // A key whose ':' is missing: the mark is the key's. Said at the end, as it may come of brackets that are not
    // closed.
    if (is_value && at(mark) <= builder_.last_key().begin && !no_colon_) no_colon_ = builder_.last_key();
    const std::size_t begin = skip_properties(at(mark));
    const std::string_view rest = all_.substr(begin);
    const bool written = is_null_word(rest);
    // What is not written has the mark of what comes next: its key is a better place.
    const Span span = is_value && !written ? builder_.last_key() : word(begin);
    if (builder_.expecting_key()) stop(Code::KeyNotScalar, span, "null as a key", "a name");
    if (written) check_start(begin);
    if (!written && in_flow() && !is_value && rest.starts_with(','))
      stop(Code::YamlSyntax, span, "not YAML: nothing stands before this ','");
    if (!written && in_flow() && is_value && begin > 0 && all_[begin - 1] == ':')
      stop(Code::YamlSyntax, text_.span(begin - 1, begin), "not YAML: no space behind this ':'");
    demand(builder_.scalar(Kind::Null, {}, span, anchor));
  }

  // yaml-cpp takes any name, `&a:` among them.
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    const auto odd = [](unsigned char c) { return std::isalnum(c) == 0 && c != '_' && c != '-'; };
    if (std::any_of(name.begin(), name.end(), odd))
      stop(Code::YamlSyntax, word(at(mark)), "not YAML: " + quoted(name) + " as the name of an anchor",
           "letters, digits, '-' and '_'");
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    in_block_ = false;
    const Span span = word(at(mark));
    check_start(at(mark));
    if (builder_.expecting_key()) stop(Code::KeyNotScalar, span, "an alias as a key", "a name");
    demand(builder_.alias(anchor, span));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const Span span = scalar_span(at(mark), value);
    check_start(at(mark));
    in_block_ =
        span.end == span.begin + 1 && (all_[span.begin] == '|' || all_[span.begin] == '>') && value.ends_with(' ');
    if (in_flow() && tag == "?" && value.starts_with(':'))
      stop(Code::YamlSyntax, span, "not YAML: a text that starts with ':'");
    if (const std::size_t tab = tab_in_block(span.begin); tab != 0) refuse_tab(tab);
    if (tag == "!") refuse_lone_mark(at(mark));
    if (builder_.expecting_key()) return key(span, tag, value);
    if (tag == "!") return demand(builder_.scalar(Kind::String, std::string(value), span, anchor));
    std::optional<Scalar> scalar = resolve_plain(value);
    if (tag != "?") {
      const Kind kind = core_kind(tag, at(mark));
      if (kind == Kind::String) return demand(builder_.scalar(kind, std::string(value), span, anchor));
      const bool whole = scalar && scalar->text.find_first_of(".eE") == std::string::npos;
      if (!scalar || scalar->kind != kind || (tag.ends_with(":int") && !whole))
        stop(Code::YamlTag, span, "a tag that the value " + quoted(value) + " does not fit");
    }
    if (!scalar) stop(Code::YamlSyntax, span, "the number " + quoted(value) + " has no form in JSON");
    demand(builder_.scalar(scalar->kind, std::move(scalar->text), span, anchor));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Kind::List, mark, tag, anchor);
  }
  void OnSequenceEnd() override { demand(builder_.close()); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Kind::Map, mark, tag, anchor);
  }
  void OnMapEnd() override { demand(builder_.close()); }

  // Once yaml-cpp is content.
  void finish() {
    if (!started_) demand(builder_.scalar(Kind::Null, {}, text_.span(all_.size(), all_.size())));
    // Readers differ on whether the spaces of a last line that nothing ends belong to a block scalar.
    if (in_block_ && all_.ends_with(' '))
      stop(Code::YamlSyntax, text_.span(all_.size() - 1, all_.size()), "not YAML: spaces at the end of a block scalar",
           "a line end behind it");
    if (no_colon_) stop(Code::YamlSyntax, *no_colon_, "not YAML: a key without a ':'");
  }

  std::size_t at(const YAML::Mark& mark) const {  // yaml-cpp counts bytes, from the start of what it was given
    return std::min(begin_ + static_cast<std::size_t>(std::max(mark.pos, 0)), all_.size());
  }
  // The word there; a bracket is a word.
  Span word(std::size_t begin) const {
    if (begin < all_.size() && (all_[begin] == '[' || all_[begin] == '{')) return text_.span(begin, begin + 1);
    const std::size_t end = std::min(all_.find_first_of(" \t\r\n,]}:#", begin), all_.size());
    return text_.span(begin, std::max(end, std::min(begin + 1, all_.size())));
  }

 private:
  [[noreturn]] void stop(Code code, Span where, std::string message, std::string expected = {}) {
    diagnostics_.error(code, where, std::move(message)).expect(std::move(expected));
    throw Stop{};
  }
  static void demand(bool went_well) {
    if (!went_well) throw Stop{};
  }

  [[noreturn]] void refuse_tab(std::size_t tab) {
    stop(Code::TabIndent, text_.span(tab, tab + 1), "a tab in the indentation", "spaces");
  }

  bool in_flow() const {
    if (builder_.empty() || builder_.innermost().begin >= all_.size()) return false;
    const char first = all_[builder_.innermost().begin];
    return first == '[' || first == '{';
  }
  std::size_t column(std::size_t at) const {
    return at == 0 ? 0 : at - (all_.substr(0, at).rfind('\n') + 1);  // npos + 1 is 0
  }

  // Where yaml-cpp lets a node of block style start and libyaml does not: not deeper than what it is in, or behind a
  // tab that stands for indentation.
  void check_start(std::size_t begin) {
    if (in_flow()) return;
    std::size_t before = begin;
    while (before > begin_ && (all_[before - 1] == ' ' || all_[before - 1] == '\t')) --before;
    const bool starts_line = before == begin_ || all_[before - 1] == '\n';
    const std::size_t tab = all_.substr(0, begin).find('\t', before);
    if (tab != std::string_view::npos && (starts_line || all_[before - 1] == '-' || all_[before - 1] == '?'))
      refuse_tab(tab);
    const bool dash = begin < all_.size() && all_[begin] == '-' && builder_.innermost_is_map();
    if (!starts_line || builder_.empty() || builder_.expecting_key() || begin >= all_.size()) return;
    const std::size_t outer = column(builder_.innermost().begin);
    if (column(begin) > outer || (dash && column(begin) == outer)) return;
    stop(Code::YamlSyntax, word(begin), "not YAML: this must be indented deeper than what it belongs to");
  }

  // The tab that stands where the first line of a block scalar shows its indentation; 0 for none.
  std::size_t tab_in_block(std::size_t begin) const {
    if (begin >= all_.size() || (all_[begin] != '|' && all_[begin] != '>')) return 0;
    const std::size_t header = std::min(all_.find('\n', begin), all_.size());
    if (all_.substr(begin, header - begin).find_first_of("123456789") != std::string_view::npos) return 0;
    const std::size_t content = all_.find_first_not_of(" \r\n", header);
    return content != std::string_view::npos && all_[content] == '\t' ? content : 0;
  }

  void key(Span span, const std::string& tag, const std::string& value) {
    const bool plain = tag == "?";
    if (!plain && tag != "!" && core_kind(tag, span.begin) != Kind::String)
      stop(Code::KeyNotScalar, span, "a key that its tag makes no text", "a name");
    if (plain && value == "<<") stop(Code::MergeKey, span, "merge key", "the keys written out");
    std::optional<std::string> text = plain ? resolve_plain_key(value) : value;
    if (!text) stop(Code::KeyNotScalar, span, "null as a key", "a name");
    demand(builder_.key(std::move(*text), span));
  }

  void open(Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const std::size_t begin = skip_properties(at(mark));
    in_block_ = false;
    check_start(at(mark));
    check_start(begin);
    if (builder_.expecting_key())
      stop(Code::KeyNotScalar, word(begin), kind == Kind::Map ? "a map as a key" : "a list as a key", "a name");
    if (tag == "!") refuse_lone_mark(at(mark));
    if (tag != "?" && !tag.empty() && core_kind(tag, at(mark)) != kind)
      stop(Code::YamlTag, word(at(mark)), kind == Kind::Map ? "a tag that no map has" : "a tag that no list has");
    demand(builder_.open(kind, first_token(kind, begin), anchor));
  }

  Kind core_kind(const std::string& tag, std::size_t begin) {
    for (const CoreTag& known : kCoreTags)
      if (known.tag == tag) return known.kind;
    stop(Code::YamlTag, word(begin), "the tag " + quoted(tag) + " changes how the value is read",
         "no tag, or one of !!str !!int !!float !!bool !!null !!seq !!map");
  }

  // yaml-cpp gives "!" to whatever is quoted; in the text it is a tag like another.
  void refuse_lone_mark(std::size_t begin) {
    for (std::size_t at = begin; at < all_.size() && (all_[at] == '&' || all_[at] == '!'); at = next_word(at))
      if (all_[at] == '!') stop(Code::YamlTag, word(at), "the tag '!' changes how the value is read", "no tag");
  }

  std::size_t next_word(std::size_t at) const {
    const std::size_t end = std::min(all_.find_first_of(" \t\r\n", at), all_.size());
    std::size_t next = all_.find_first_not_of(" \t\r\n", end);
    while (next < all_.size() && all_[next] == '#')
      next = all_.find_first_not_of(" \t\r\n", std::min(all_.find('\n', next), all_.size()));
    return std::min(next, all_.size());
  }
  std::size_t skip_properties(std::size_t at) const {
    while (at < all_.size() && (all_[at] == '&' || all_[at] == '!')) at = next_word(at);
    return at;
  }

  bool starts_quoted(std::size_t at) const { return at < all_.size() && (all_[at] == '"' || all_[at] == '\''); }

  // Behind the closing quote. yaml-cpp takes the end of the text for one where a line end stands before it.
  std::size_t quoted_end(std::size_t begin) {
    const char quote = all_[begin];
    for (std::size_t at = begin + 1; at < all_.size(); ++at) {
      if (quote == '"' && all_[at] == '\\')
        ++at;
      else if (all_[at] == quote && (quote == '"' || all_.substr(at + 1, 1) != "'"))
        return at + 1;
      else if (all_[at] == quote)
        ++at;  // '' is a quote inside of single quotes
    }
    stop(Code::YamlSyntax, text_.span(begin, begin + 1), "not YAML: quotes that are not closed");
  }

  // A bracket, a dash, or the first key.
  Span first_token(Kind kind, std::size_t begin) {
    if (kind == Kind::List || begin >= all_.size() || all_[begin] == '{' || all_[begin] == '?')
      return text_.span(begin, std::min(begin + 1, all_.size()));
    if (starts_quoted(begin)) return text_.span(begin, quoted_end(begin));
    std::size_t end = all_.find(':', begin);
    while (end < all_.size() && end + 1 < all_.size() && std::isspace(static_cast<unsigned char>(all_[end + 1])) == 0)
      end = all_.find(':', end + 1);
    return text_.span(begin, std::min({end, all_.find('\n', begin), all_.size()}));
  }

  // yaml-cpp tells where a token starts; where it ends is in the text.
  Span scalar_span(std::size_t mark, const std::string& value) {
    const std::size_t begin = skip_properties(mark);
    if (starts_quoted(begin)) return text_.span(begin, quoted_end(begin));
    if (begin < all_.size() && (all_[begin] == '|' || all_[begin] == '>')) return text_.span(begin, begin + 1);
    if (value.empty() || begin >= all_.size()) return text_.span(begin, begin);
    if (all_.substr(begin, value.size()) == value) return text_.span(begin, begin + value.size());
    return text_.span(begin, std::min(all_.find_first_of("\r\n", begin), all_.size()));  // of several lines the first
  }

  const Text& text_;
  std::string_view all_;
  std::size_t begin_;
  TreeBuilder& builder_;
  Diagnostics& diagnostics_;
  bool started_ = false;
  std::optional<Span> no_colon_;
  bool in_block_ = false;  // the last event was a block scalar that ends in a space
};

// What yaml-cpp found, in the words of who wrote the text.
std::string in_words(const std::string& message) {
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"end of sequence flow not found", "a list that '[' opens is not closed before this"},
      {"end of map flow not found", "a map that '{' opens is not closed before this"},
      {"end of map not found", "this neither continues the map above nor ends it; see its indentation"},
      {"end of sequence not found", "this neither continues the list above nor ends it; see its indentation"},
      {"illegal map value", "a ':' where no key can be"},
      {"illegal block entry", "a '-' where no item of a list can be"},
      {"illegal EOF in scalar", "the text ends inside of quotes"},
      {"the referenced anchor is not defined", "nothing before this has the anchor that it names"},
  };
  for (const auto& [theirs, ours] : kWords)
    if (message == theirs) return std::string(ours);
  return printable(message);
}

// The tab among the white space that starts the line, if it is one that stops the reader.
std::optional<std::size_t> tab_before(std::string_view text, std::size_t at) {
  const std::size_t line = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;  // npos + 1 is 0
  const std::size_t content = std::min(text.find_first_not_of(" \t", line), text.size());
  const std::size_t tab = text.substr(0, content).find('\t', line);
  return tab == std::string_view::npos ? std::nullopt : std::optional(tab);
}

// yaml-cpp keeps a token for every bracket until it knows that no ':' follows: 240 bytes each, which must not grow with
// the text. Counted wherever they stand, so that no honest text (terminal colours in a script) meets the bound.
constexpr std::size_t kMostOpenBrackets = 100'000;
std::optional<std::size_t> too_many_brackets(std::string_view text, std::size_t begin) {
  std::size_t open = 0;
  for (std::size_t at = begin; at < text.size(); ++at) {
    if ((text[at] == '[' || text[at] == '{') && ++open > kMostOpenBrackets) return at;
    if ((text[at] == ']' || text[at] == '}') && open > 0) --open;
  }
  return std::nullopt;
}

}  // namespace

bool parse_full_yaml(const Text& text, std::size_t begin, std::size_t end, TreeBuilder& builder,
                     Diagnostics& diagnostics) {
  if (const auto at = too_many_brackets(text.all.substr(0, end), begin)) {
    diagnostics.error(Code::TooDeep, text.span(*at, *at + 1),
                      "more than " + std::to_string(kMostOpenBrackets) + " brackets are open here");
    return false;
  }
  ViewBuffer buffer(text.all.substr(begin, end - begin));
  std::istream stream(&buffer);
  Events events(text, begin, end, builder, diagnostics);
  try {
    YAML::Parser parser(stream);
    if (parser.HandleNextDocument(events)) parser.HandleNextDocument(events);  // refuses a second one
    events.finish();
    return true;
  } catch (const Stop&) {
  } catch (const YAML::DeepRecursion& error) {
    diagnostics.error(Code::TooDeep, events.word(events.at(error.mark)),
                      "nested deeper than " + std::to_string(kMaxArtifactDepth) + " levels");
  } catch (const YAML::Exception& error) {
    const std::size_t at = events.at(error.mark);
    if (const auto tab = tab_before(text.all.substr(0, end), at)) {
      diagnostics.error(Code::TabIndent, text.span(*tab, *tab + 1), "a tab in the indentation").expect("spaces");
      return false;
    }
    Diagnostic& added = diagnostics.error(Code::YamlSyntax, events.word(at), "not YAML: " + in_words(error.msg));
    if (error.msg.starts_with("end of ") && !builder.empty())
      added.note(builder.innermost(), "what is not ended starts here");
  }
  return false;
}

}  // namespace airtight::verify
