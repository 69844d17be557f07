// A network namespace of the test's own, with nothing in it but what the test makes: no packet can get out of it.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace airtight::audit {

inline bool may_make_networks() { return ::geteuid() == 0; }

inline void run(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

inline std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("failed: " + command);
  std::string text;
  char part[4096];
  for (std::size_t got = 0; (got = std::fread(part, 1, sizeof part, pipe)) != 0;) text.append(part, got);
  return ::pclose(pipe) == 0 ? text : "";
}

inline void load_rules(const std::string& text) {
  std::FILE* pipe = ::popen("nft -f -", "w");
  if (pipe == nullptr) throw std::runtime_error("nft cannot be started");
  std::fwrite(text.data(), 1, text.size(), pipe);
  if (::pclose(pipe) != 0) throw std::runtime_error("nft refused:\n" + text);
}

inline std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + " cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

// This thread is in a new namespace for as long as it lives, and then back.
class OwnNetwork {
 public:
  OwnNetwork() : before_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    if (before_ < 0 || ::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("no network namespace of our own");
    run("ip link set lo up");
  }
  OwnNetwork(const OwnNetwork&) = delete;
  OwnNetwork& operator=(const OwnNetwork&) = delete;
  ~OwnNetwork() {
    (void)::setns(before_, CLONE_NEWNET);
    ::close(before_);
  }

 private:
  int before_;
};

}  // namespace airtight::audit
