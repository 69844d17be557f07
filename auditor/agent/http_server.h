// Serves two pages to whoever may connect: GET /metrics and GET /healthz. Boost.Beast stays behind this. On the loop's
// thread; at most kMaxConnections at once, ten seconds each.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <system_error>

namespace boost::asio {
class io_context;
}

namespace airtight::audit {

struct Page {
  unsigned status = 200;
  std::string type;
  std::string body;
};

class HttpServer {
 public:
  static constexpr std::size_t kMaxConnections = 16;
  // By path; status 404 for one that is not there. Called on the loop's thread.
  using Pages = std::function<Page(const std::string& path)>;

  // `where`: "127.0.0.1:9464", "[::1]:9464". On an error nothing is served.
  static std::error_code start(boost::asio::io_context& loop, const std::string& where, Pages pages,
                               std::unique_ptr<HttpServer>& server);
  ~HttpServer();
  std::string address() const;  // with the port that was given out for port 0

 private:
  struct State;
  explicit HttpServer(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace airtight::audit
