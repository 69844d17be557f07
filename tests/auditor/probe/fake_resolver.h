// A DNS server of the test's own, on port 53 of an address that the test put on loopback of its own namespace.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace airtight::audit {

// What is said to a question; empty bytes: nothing.
using Answerer = std::function<std::vector<std::uint8_t>(const std::vector<std::uint8_t>& question, bool tcp)>;

inline std::size_t question_end(const std::vector<std::uint8_t>& question) {
  std::size_t at = 12;
  while (at < question.size() && question[at] != 0) at += question[at] + 1U;
  return at + 5;
}

// The header and question back with this rcode, and `answers` records that are given whole.
inline std::vector<std::uint8_t> dns_answer(const std::vector<std::uint8_t>& question, std::uint8_t rcode,
                                            const std::vector<std::vector<std::uint8_t>>& answers = {}) {
  std::vector<std::uint8_t> message(question.begin(),
                                    question.begin() + static_cast<std::ptrdiff_t>(question_end(question)));
  message[2] = 0x84;
  message[3] = rcode;
  message[7] = static_cast<std::uint8_t>(answers.size());
  message[9] = message[11] = 0;
  for (const auto& answer : answers) message.insert(message.end(), answer.begin(), answer.end());
  return message;
}

// An A record of the name that was asked for.
inline std::vector<std::uint8_t> a_record(std::array<std::uint8_t, 4> address) {
  std::vector<std::uint8_t> record{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4};
  record.insert(record.end(), address.begin(), address.end());
  return record;
}
// A CNAME record that leads to the name that was asked for.
inline std::vector<std::uint8_t> cname_record() { return {0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 12}; }

inline std::uint16_t type_of(const std::vector<std::uint8_t>& question) {
  const std::size_t end = question_end(question);
  return static_cast<std::uint16_t>(question[end - 4] << 8 | question[end - 3]);
}

class FakeResolver {
 public:
  // `tcp`: listens there too.
  FakeResolver(const char* address, Answerer answerer, bool tcp = true) : answerer_(std::move(answerer)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(53);
    ::inet_pton(AF_INET, address, &at.sin_addr);
    udp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (::bind(udp_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) throw std::runtime_error("no port 53");
    if (tcp) {
      tcp_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (::bind(tcp_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || ::listen(tcp_, 8) != 0) {
        throw std::runtime_error("no port 53 of TCP");
      }
    }
    thread_ = std::thread([this] { serve(); });
  }
  FakeResolver(const FakeResolver&) = delete;
  FakeResolver& operator=(const FakeResolver&) = delete;
  ~FakeResolver() {
    stop_ = true;
    thread_.join();
    ::close(udp_);
    if (tcp_ >= 0) ::close(tcp_);
  }

  // Names that were asked for.
  std::set<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void serve() {
    while (!stop_) {
      std::array<pollfd, 2> sockets{{{udp_, POLLIN, 0}, {tcp_, POLLIN, 0}}};
      if (::poll(sockets.data(), tcp_ < 0 ? 1 : 2, 10) <= 0) continue;
      if ((sockets[0].revents & POLLIN) != 0) {
        std::vector<std::uint8_t> question(4096);
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        const ssize_t got =
            ::recvfrom(udp_, question.data(), question.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (got < 17) continue;
        question.resize(static_cast<std::size_t>(got));
        note(question);
        const auto answer = answerer_(question, false);
        if (!answer.empty())
          ::sendto(udp_, answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
      }
      if (tcp_ >= 0 && (sockets[1].revents & POLLIN) != 0) serve_stream();
    }
  }

  void serve_stream() {
    const int stream = ::accept(tcp_, nullptr, nullptr);
    if (stream < 0) return;
    std::vector<std::uint8_t> bytes;
    pollfd one{stream, POLLIN, 0};
    while (!stop_ && (bytes.size() < 2 || bytes.size() < 2U + (static_cast<std::size_t>(bytes[0]) << 8 | bytes[1]))) {
      if (::poll(&one, 1, 10) <= 0) continue;
      std::array<std::uint8_t, 512> part{};
      const ssize_t got = ::recv(stream, part.data(), part.size(), 0);
      if (got <= 0) break;
      bytes.insert(bytes.end(), part.begin(), part.begin() + got);
    }
    if (bytes.size() > 19) {
      const std::vector<std::uint8_t> question(bytes.begin() + 2, bytes.end());
      note(question);
      std::vector<std::uint8_t> answer = answerer_(question, true);
      const auto size = static_cast<std::uint16_t>(answer.size());
      answer.insert(answer.begin(), {static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)});
      if (size != 0) (void)!::send(stream, answer.data(), answer.size(), MSG_NOSIGNAL);
      // Silence is kept up until the other side goes.
      while (size == 0 && !stop_ && !(::poll(&one, 1, 10) > 0)) {
      }
    }
    ::close(stream);
  }

  void note(const std::vector<std::uint8_t>& question) {
    std::string name;
    for (std::size_t at = 12; at < question.size() && question[at] != 0; at += question[at] + 1U) {
      if (!name.empty()) name += ".";
      name.append(question.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                  question.begin() + static_cast<std::ptrdiff_t>(at + 1 + question[at]));
    }
    const std::lock_guard lock(mutex_);
    asked_.insert(name);
  }

  Answerer answerer_;
  int udp_ = -1, tcp_ = -1;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  std::set<std::string> asked_;
  std::thread thread_;
};

}  // namespace airtight::audit
