#include "tests/auditor/opener/apart.h"

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>

namespace airtight::audit {
namespace {

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t size; (size = read(fd, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(size));
  return text;
}

std::string output_of(const std::string& command) {
  FILE* const out = popen(("exec 2>&1; " + command).c_str(), "r");
  if (out == nullptr) return "no shell";
  std::string text = read_to_end(fileno(out));
  const int status = pclose(out);
  if (status != 0) text += " exit " + std::to_string(WEXITSTATUS(status));
  return text;
}

}  // namespace

bool has_root(const std::string& test) {
  if (geteuid() == 0) return true;
  WARN("SKIPPED " << test << ": it needs root for namespaces of its own");
  return false;
}

std::string apart(const std::function<std::string()>& story) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    std::string told;
    try {
      told = unshare(CLONE_NEWNET) == 0 ? story() : "no namespace";
    } catch (const std::exception& error) {
      told = std::string("threw ") + error.what();
    }
    const ssize_t written = write(ends[1], told.data(), told.size());
    _exit(written == static_cast<ssize_t>(told.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string told = read_to_end(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) told += "ended by signal " + std::to_string(WTERMSIG(status));
  return told;
}

RootShell::RootShell() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("no socket pair");
  process_ = fork();
  if (process_ == 0) {
    close(ends[0]);
    std::array<char, 4096> buffer;
    for (ssize_t size; (size = recv(ends[1], buffer.data(), buffer.size(), 0)) > 0;) {
      const std::string said = output_of({buffer.data(), static_cast<std::size_t>(size)}) + "\n";
      if (send(ends[1], said.data(), said.size(), MSG_NOSIGNAL) < 0) break;
    }
    _exit(0);
  }
  close(ends[1]);
  socket_ = ends[0];
}

RootShell::~RootShell() {
  close(socket_);
  waitpid(process_, nullptr, 0);
}

std::string RootShell::run(const std::string& command) {
  send(socket_, command.data(), command.size(), MSG_NOSIGNAL);
  std::string said(64 * 1024, '\0');
  const ssize_t size = recv(socket_, said.data(), said.size(), 0);
  said.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!said.empty() && said.back() == '\n') said.pop_back();
  return said;
}

pid_t opener_of_this_process() {
  const std::string own = std::to_string(getpid());
  DIR* const directory = opendir("/proc");
  pid_t found = 0;
  while (const dirent* entry = readdir(directory)) {
    const auto process = static_cast<pid_t>(std::atoi(entry->d_name));
    if (process > 0 && status_line(process, "PPid") == own && status_line(process, "Name") == "airtight-opener")
      found = process;
  }
  closedir(directory);
  return found;
}

std::string status_line(pid_t process, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(name + ":", 0) != 0) continue;
    const std::size_t begin = line.find_first_not_of(" \t", name.size() + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "no " + name;
}

bool has_ended(pid_t process) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, process, 0));
  if (fd < 0) return true;
  pollfd ended{fd, POLLIN, 0};
  const int ready = poll(&ended, 1, 10'000);
  close(fd);
  return ready == 1;
}

}  // namespace airtight::audit
