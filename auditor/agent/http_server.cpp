#include "auditor/agent/http_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

namespace airtight::audit {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::chrono::seconds kPatience{10};
constexpr std::uint32_t kMaxHeader = 8 << 10;

}  // namespace

struct HttpServer::State : std::enable_shared_from_this<HttpServer::State> {
  State(asio::io_context& with, Pages serve) : loop(with), acceptor(with), pages(std::move(serve)) {}

  // One connection: a request, an answer, the end.
  struct Visit : std::enable_shared_from_this<Visit> {
    Visit(asio::ip::tcp::socket socket, std::shared_ptr<State> of) : stream(std::move(socket)), state(std::move(of)) {
      ++state->visits;
    }
    ~Visit() { --state->visits; }

    void begin() {
      stream.expires_after(kPatience);
      request.emplace();
      request->header_limit(kMaxHeader);
      request->body_limit(0);
      http::async_read(stream, buffer, *request, [self = shared_from_this()](beast::error_code error, std::size_t) {
        if (!error) self->answer();
      });
    }
    void answer() {
      const auto& asked = request->get();
      Page page;
      const bool get = asked.method() == http::verb::get || asked.method() == http::verb::head;
      if (get) {
        const std::string target(asked.target());
        page = state->pages(target.substr(0, target.find('?')));
      } else {
        page = {405, "text/plain; charset=utf-8", "GET only\n"};
      }
      response.result(page.status);
      response.version(asked.version());
      response.keep_alive(false);
      response.set(http::field::content_type, page.type);
      response.set(http::field::cache_control, "no-store");
      response.content_length(page.body.size());
      if (asked.method() != http::verb::head) response.body() = std::move(page.body);
      http::async_write(stream, response, [self = shared_from_this()](beast::error_code, std::size_t) {
        beast::error_code ignored;
        self->stream.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
      });
    }

    beast::tcp_stream stream;
    std::shared_ptr<State> state;
    beast::flat_buffer buffer{kMaxHeader};
    std::optional<http::request_parser<http::string_body>> request;
    http::response<http::string_body> response;
  };

  void accept() {
    acceptor.async_accept([self = shared_from_this()](beast::error_code error, asio::ip::tcp::socket socket) {
      if (error == asio::error::operation_aborted || !self->acceptor.is_open()) return;
      // Beyond the bound, and without a descriptor, the visitor finds a closed door.
      if (!error && self->visits < kMaxConnections) std::make_shared<Visit>(std::move(socket), self)->begin();
      self->accept();
    });
  }

  asio::io_context& loop;
  asio::ip::tcp::acceptor acceptor;
  Pages pages;
  std::size_t visits = 0;
};

HttpServer::HttpServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

HttpServer::~HttpServer() {
  beast::error_code ignored;
  state_->acceptor.close(ignored);
}

std::error_code HttpServer::start(asio::io_context& loop, const std::string& where, Pages pages,
                                  std::unique_ptr<HttpServer>& server) {
  const std::size_t colon = where.rfind(':');
  std::uint16_t port = 0;
  const char* end = where.data() + where.size();
  if (colon == std::string::npos || std::from_chars(where.data() + colon + 1, end, port).ptr != end ||
      colon + 1 == where.size())
    return std::make_error_code(std::errc::invalid_argument);
  std::string host = where.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  beast::error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (error) return std::make_error_code(std::errc::invalid_argument);
  auto state = std::make_shared<State>(loop, std::move(pages));
  const asio::ip::tcp::endpoint endpoint(address, port);
  state->acceptor.open(endpoint.protocol(), error);
  if (!error) state->acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) state->acceptor.bind(endpoint, error);
  if (!error) state->acceptor.listen(static_cast<int>(kMaxConnections), error);
  if (error) return std::error_code(error.value(), std::system_category());
  state->accept();
  server.reset(new HttpServer(std::move(state)));
  return {};
}

std::string HttpServer::address() const {
  beast::error_code ignored;
  const asio::ip::tcp::endpoint at = state_->acceptor.local_endpoint(ignored);
  const std::string host = at.address().to_string();
  return (at.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(at.port());
}

}  // namespace airtight::audit
