// Any bytes as HTTP/1, HTTP/2 and SOCKS: what is read does not depend on how the stream is cut into calls.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "auditor/decode/http.h"

namespace {

using namespace airtight::audit;

std::string describe(ReadStatus status, const HttpRequest& r) {
  std::string text = std::to_string(static_cast<int>(status));
  if (status != ReadStatus::Found) return text;
  text += std::string(r.host.text()) + "|" + std::string(r.authority.text()) + "|" + std::to_string(r.head) + "|" +
          std::to_string(r.body);
  for (const bool flag : {r.has_host, r.conflicting, r.has_authority, r.connect, r.upgrade_h2c, r.websocket, r.chunked})
    text += flag ? '1' : '0';
  return text;
}

std::string describe(ReadStatus status, const SocksRequest& r) {
  std::string text = std::to_string(static_cast<int>(status));
  if (status == ReadStatus::Found)
    text += std::string(r.name.text()) + "|" + std::to_string(r.port) + "|" + std::to_string(r.consumed);
  return text;
}

// A stateless reader: the first answer that is not NeedMore, over the beginnings of the stream in steps of `piece`.
template <typename Request, typename Read>
std::string first_answer(Bytes stream, std::size_t piece, Read read) {
  for (std::size_t size = 0;; size = std::min(stream.size(), size + piece)) {
    Request request;
    const ReadStatus status = read(stream.first(size), request);
    if (status != ReadStatus::NeedMore || size == stream.size()) return describe(status, request);
  }
}

std::string read_http2(Bytes stream, std::size_t piece) {
  Http2Reader reader;
  std::string text;
  std::size_t begin = 0, end = 0;
  while (end < stream.size()) {
    end = std::min(stream.size(), end + piece);
    for (;;) {
      std::size_t consumed = 0;
      NameText authority;
      const ReadStatus status = reader.read(stream.subspan(begin, end - begin), consumed, authority);
      if (consumed > end - begin) std::abort();
      begin += consumed;
      if (status == ReadStatus::Found) text += "<" + std::string(authority.text()) + ">";
      if (status == ReadStatus::NotThis || status == ReadStatus::Malformed)
        return text + std::to_string(static_cast<int>(status));
      if (status == ReadStatus::NeedMore && consumed == 0) break;
    }
  }
  return text + std::to_string(begin);
}

void require_equal(const std::string& left, const std::string& right) {
  if (left != right) std::abort();
}

}  // namespace

// The first byte says how long the pieces are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0];
  const Bytes stream(data + 1, size - 1);
  require_equal(first_answer<HttpRequest>(stream, stream.size() + 1, read_http_request),
                first_answer<HttpRequest>(stream, piece, read_http_request));
  require_equal(first_answer<SocksRequest>(stream, stream.size() + 1, read_socks_request),
                first_answer<SocksRequest>(stream, piece, read_socks_request));
  require_equal(read_http2(stream, stream.size() + 1), read_http2(stream, piece));
  if (const unsigned status = read_http_status(stream); status > 999) std::abort();
  if (looks_like_http2(stream) && read_http2(stream, piece) == "2") std::abort();
  return 0;
}
