#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <string_view>

#include "auditor/decode/authority.h"
#include "auditor/decode/http.h"

namespace airtight::audit {
namespace {

constexpr std::string_view kBlank = " \t\r\n";  // line breaks within a field are obsolete folding
constexpr std::string_view kKnownMethods[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                              "CONNECT", "OPTIONS", "TRACE", "PATCH"};

constexpr std::array<bool, 256> make_token_table() {  // RFC 9110 §5.6.2
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = table[c - 'A' + 'a'] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr auto kTokenTable = make_token_table();

bool is_token_character(char c) { return kTokenTable[static_cast<unsigned char>(c)]; }
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}
bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// NUL, or a carriage return that ends no line: readers disagree on what these mean (RFC 9112 §2.2, RFC 9110 §5.5).
bool has_stray_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\0') return true;
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] != '\n') return true;
  }
  return false;
}

// Calls for each element of a comma-separated list (RFC 9110 §5.6.1), empty ones left out, until one is refused.
template <typename Use>
bool each_element(std::string_view list, Use use) {
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string_view element = trim(list.substr(begin, end - begin));
    if (!element.empty() && !use(element)) return false;
    begin = end + 1;
  }
  return true;
}

struct RequestLine {
  std::string_view method, target;
};

// "METHOD target HTTP/1.x", more blanks than one allowed; empty if it does not end so.
std::optional<RequestLine> split_request_line(std::string_view line) {
  constexpr std::string_view kVersion = "HTTP/1.";
  line = trim(line);
  if (line.size() <= kVersion.size() || !is_digit(line.back())) return std::nullopt;
  const std::size_t version = line.size() - kVersion.size() - 1;
  if (line.substr(version, kVersion.size()) != kVersion || version == 0 || !is_blank(line[version - 1]))
    return std::nullopt;
  const std::size_t method = line.find_first_of(" \t");  // there is one, before the version
  return RequestLine{line.substr(0, method), trim(line.substr(method, version - method))};
}

// Length of "scheme://" at the start; 0 if there is none.
std::size_t scheme_length(std::string_view target) {
  const std::size_t colon = target.find(':');
  if (colon == target.npos || target.substr(colon, 3) != "://" || !is_letter(target[0])) return 0;
  for (const char c : target.substr(0, colon))
    if (!is_letter(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return 0;
  return colon + 3;
}

// A fold stands for its blanks; the line break itself is no part of the value.
void set_unfolded(NameText& name, std::string_view value) {
  name.clear();
  for (const char c : value)
    if (c != '\r' && c != '\n') name.push_byte(static_cast<std::uint8_t>(c));
}

class RequestReader {
 public:
  explicit RequestReader(HttpRequest& request) : request_(request) {}

  // The forms of RFC 9112 §3.2. A scheme of any kind is followed: a proxy may know ftp.
  bool line(const RequestLine& line) {
    request_.connect = same_text(line.method, "CONNECT");
    const std::size_t scheme = scheme_length(line.target);
    if (scheme == 0 && !request_.connect) return line.target.substr(0, 1) == "/" || line.target == "*";
    std::string_view authority = line.target.substr(scheme);
    authority = authority.substr(0, authority.find_first_of("/?#"));
    // Some read a backslash as a slash, which would move the end of the authority.
    if (authority.find_first_of("\\ \t") != authority.npos) return false;
    authority = without_userinfo(authority);
    if (authority.empty()) return false;
    set_text(request_.authority, authority);
    request_.has_authority = true;
    return true;
  }

  // One field with its folds, the last line feed left out.
  bool field(std::string_view text) {
    if (has_stray_control(text)) return false;
    const std::size_t colon = text.find(':');
    if (colon == text.npos || is_blank(text[0])) return false;
    const std::string_view name = trim(text.substr(0, colon));  // RFC 9112 §5.1 forbids the blank; not all servers do
    if (!is_token(name)) return false;
    const std::string_view value = trim(text.substr(colon + 1));
    for (const Field& known : kFields)
      if (same_text(name, known.name)) return (this->*known.read)(value);
    return true;
  }

  bool end() {
    if (encoded_ && (!request_.chunked || has_length_)) return false;
    request_.conflicting = request_.conflicting || (request_.has_host && request_.has_authority &&
                                                    !same_host(request_.host.text(), request_.authority.text()));
    return true;
  }

 private:
  struct Field {
    std::string_view name;
    bool (RequestReader::*read)(std::string_view value);
  };
  static const Field kFields[4];

  bool host(std::string_view value) {
    NameText name;
    set_unfolded(name, value);
    request_.conflicting = request_.conflicting || (host_seen_ && !same_text(name.text(), request_.host.text()));
    host_seen_ = true;
    if (request_.has_host || name.text().empty()) return true;
    request_.host = name;
    return request_.has_host = true;
  }
  bool content_length(std::string_view value) {
    constexpr std::size_t kMostDigits = 18;
    if (value.empty()) return false;
    return each_element(value, [this](std::string_view element) {
      if (element.size() > kMostDigits || !std::all_of(element.begin(), element.end(), is_digit)) return false;
      std::uint64_t length = 0;
      for (const char digit : element) length = length * 10 + static_cast<std::uint64_t>(digit - '0');
      if (has_length_ && length != request_.body) return false;
      request_.body = length;
      return has_length_ = true;
    });
  }
  bool transfer_encoding(std::string_view value) {
    return each_element(value, [this](std::string_view coding) {
      if (request_.chunked) return false;  // chunked is the last, and once (RFC 9112 §7.1)
      if (same_text(coding, "identity")) return true;
      request_.chunked = same_text(coding, "chunked");
      return encoded_ = true;
    });
  }
  bool upgrade(std::string_view value) {
    return each_element(value, [this](std::string_view protocol) {
      request_.upgrade_h2c = request_.upgrade_h2c || same_text(protocol, "h2c");
      request_.websocket = request_.websocket || same_text(protocol, "websocket");
      return true;
    });
  }

  HttpRequest& request_;
  bool host_seen_ = false;
  bool has_length_ = false;
  bool encoded_ = false;
};

const RequestReader::Field RequestReader::kFields[4] = {
    {"host", &RequestReader::host},
    {"content-length", &RequestReader::content_length},
    {"transfer-encoding", &RequestReader::transfer_encoding},
    {"upgrade", &RequestReader::upgrade},
};

// Where the request line begins: RFC 9112 §2.2 lets empty lines come before it. npos: behind what is there.
std::size_t skip_empty_lines(std::string_view head) {
  std::size_t at = 0;
  while (at < head.size() && (head[at] == '\n' || head[at] == '\r')) {
    if (head[at] == '\n') {
      ++at;
    } else if (at + 1 == head.size()) {
      return head.npos;
    } else if (head[at + 1] == '\n') {
      at += 2;
    } else {
      return at;  // no method begins so
    }
  }
  return at == head.size() ? head.npos : at;
}

// End of the field that begins at `at`, its folded lines included: the position of its last line feed. npos: not whole.
std::size_t field_end(std::string_view head, std::size_t at) {
  std::size_t end = head.find('\n', at);
  while (end != head.npos) {
    if (end + 1 == head.size()) return head.npos;  // whether it is folded is still to come
    if (!is_blank(head[end + 1])) break;
    end = head.find('\n', end + 1);
  }
  return end;
}

bool is_empty_line(std::string_view rest) { return rest.substr(0, 1) == "\n" || rest.substr(0, 2) == "\r\n"; }

}  // namespace

ReadStatus read_http_request(Bytes stream, HttpRequest& request) {
  ::new (static_cast<void*>(&request))
      HttpRequest;  // as assigning a new one, but the buffers of its names stay as they are
  const std::string_view head(reinterpret_cast<const char*>(stream.data()), std::min(stream.size(), kMaxHttpHead));
  const bool full = head.size() == kMaxHttpHead;
  const ReadStatus more = full ? ReadStatus::Malformed : ReadStatus::NeedMore;
  const ReadStatus perhaps = full ? ReadStatus::NotThis : ReadStatus::NeedMore;  // nothing has told it to be HTTP yet

  std::size_t at = skip_empty_lines(head);
  if (at == head.npos) return perhaps;
  const auto method_end =
      std::find_if_not(head.begin() + static_cast<std::ptrdiff_t>(at), head.end(), is_token_character);
  const std::string_view method = head.substr(at, static_cast<std::size_t>(method_end - head.begin()) - at);
  if (method_end == head.end()) return perhaps;
  if (method.empty() || !is_blank(*method_end)) return ReadStatus::NotThis;
  const std::size_t line_end = head.find('\n', at);
  if (line_end == head.npos) {
    const bool known = std::find(std::begin(kKnownMethods), std::end(kKnownMethods), method) != std::end(kKnownMethods);
    return known ? more : perhaps;
  }
  const std::string_view text = head.substr(at, line_end - at);
  const auto line = split_request_line(text);
  if (!line) return ReadStatus::NotThis;
  RequestReader reader(request);
  if (has_stray_control(text) || !reader.line(*line)) return ReadStatus::Malformed;

  for (at = line_end + 1; !is_empty_line(head.substr(at));) {
    const std::size_t end = field_end(head, at);
    if (end == head.npos) return more;
    if (!reader.field(head.substr(at, end - at))) return ReadStatus::Malformed;
    at = end + 1;
  }
  if (!reader.end()) return ReadStatus::Malformed;
  request.head = at + (head[at] == '\n' ? 1 : 2);
  return ReadStatus::Found;
}

unsigned read_http_status(Bytes stream) {
  const std::string_view head(reinterpret_cast<const char*>(stream.data()), std::min(stream.size(), kMaxHttpHead));
  const std::string_view line = head.substr(0, head.find('\n'));
  // "HTTP/1.x NNN", a reason or nothing behind it.
  constexpr std::size_t kVersion = 8, kEnd = 12;
  if (line.size() == head.size() || line.size() < kEnd || line.substr(0, 7) != "HTTP/1." || !is_digit(line[7]))
    return 0;
  if (line[kVersion] != ' ' || (line.size() > kEnd && !is_blank(line[kEnd]) && line[kEnd] != '\r')) return 0;
  unsigned status = 0;
  for (const char c : line.substr(kVersion + 1, 3)) {
    if (!is_digit(c)) return 0;
    status = status * 10 + static_cast<unsigned>(c - '0');
  }
  return status;
}

}  // namespace airtight::audit
