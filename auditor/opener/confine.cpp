#include "auditor/opener/confine.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <vector>

#include "auditor/opener/seccomp.h"

namespace airtight::audit {
namespace {

constexpr std::uint64_t kOpenerCapabilities = 1ULL << CAP_NET_RAW | 1ULL << CAP_NET_ADMIN;
constexpr rlim_t kAddressSpace = 16ULL << 30;  // 64 MB of ring an interface, and some
constexpr rlim_t kProcesses = 4096;            // a thread an interface; of the whole user

[[noreturn]] void fail(const std::string& what, int number = errno) {
  throw std::system_error(number, std::system_category(), what);
}

struct Capabilities {
  std::uint64_t effective = 0, permitted = 0, inheritable = 0;
};

Capabilities capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) fail("this process's capabilities cannot be read");
  const auto whole = [](std::uint32_t low, std::uint32_t high) { return std::uint64_t{high} << 32 | low; };
  return {whole(data[0].effective, data[1].effective), whole(data[0].permitted, data[1].permitted),
          whole(data[0].inheritable, data[1].inheritable)};
}

void set_capabilities(std::uint64_t wanted) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const auto low = static_cast<std::uint32_t>(wanted), high = static_cast<std::uint32_t>(wanted >> 32);
  std::array<__user_cap_data_struct, 2> data{{{low, low, low}, {high, high, high}}};
  if (syscall(SYS_capset, &header, data.data()) != 0) fail("capabilities cannot be given up");
  const Capabilities now = capabilities();
  if (now.effective != wanted || now.permitted != wanted || now.inheritable != wanted)
    fail("capabilities are not what was asked for", EPERM);
}

// Without CAP_SETPCAP the set stays as it was given to us; PR_SET_NO_NEW_PRIVS, which both processes set, then keeps it
// from giving anything back.
void drop_bounding_set(std::uint64_t keep) {
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if ((keep >> capability & 1) != 0 || prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 1) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EPERM)
      fail("the bounding set of capabilities cannot be cut");
  }
}

void forbid_new_privileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("PR_SET_NO_NEW_PRIVS");
}

void hide_memory() {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) fail("PR_SET_DUMPABLE");
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) fail("RLIMIT_CORE");
}

void lower_limit(__rlimit_resource resource, const char* name, rlim_t wanted) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) fail(name);
  limit.rlim_max = std::min(limit.rlim_max, wanted);
  limit.rlim_cur = std::min(limit.rlim_cur, wanted);
  if (setrlimit(resource, &limit) != 0) fail(name);
}

void become(const Account& account) {
  if (getuid() == account.uid && geteuid() == account.uid && getgid() == account.gid && account.uid != 0) return;
  const std::string what = "cannot become " + account.name + " (CAP_SETUID and CAP_SETGID are needed)";
  if (setgroups(0, nullptr) != 0 || setresgid(account.gid, account.gid, account.gid) != 0 ||
      setresuid(account.uid, account.uid, account.uid) != 0)
    fail(what);
  if (account.uid != 0 && setresuid(0, 0, 0) == 0) fail("became " + account.name + " and could go back", EPERM);
}

}  // namespace

Account find_account(const std::string& name) {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  const int error = getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) fail("there is no user " + name, error != 0 ? error : ENOENT);
  return {name, entry.pw_uid, entry.pw_gid};
}

void require_opener_capabilities() {
  const Capabilities have = capabilities();
  std::string missing;
  if ((have.permitted >> CAP_NET_RAW & 1) == 0) missing = "CAP_NET_RAW";
  if ((have.permitted >> CAP_NET_ADMIN & 1) == 0) missing += missing.empty() ? "CAP_NET_ADMIN" : " and CAP_NET_ADMIN";
  if (!missing.empty()) fail("the opener needs " + missing + ", which this process does not have", EPERM);
}

void confine_opener() {
  drop_bounding_set(kOpenerCapabilities);
  set_capabilities(kOpenerCapabilities);
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) fail("PR_CAP_AMBIENT_CLEAR_ALL");
  // Where securebits forbid it, root's tools have them by being root's and others' fail, which is a dump that failed.
  for (const int capability : {CAP_NET_RAW, CAP_NET_ADMIN})
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, static_cast<unsigned long>(capability), 0, 0);
  forbid_new_privileges();
  hide_memory();
}

void confine_agent(const std::optional<Account>& account) {
  drop_bounding_set(0);
  if (account) become(*account);
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) fail("PR_CAP_AMBIENT_CLEAR_ALL");
  set_capabilities(0);
  forbid_new_privileges();
  hide_memory();
#if !defined(__SANITIZE_ADDRESS__)  // which reserves terabytes
  lower_limit(RLIMIT_AS, "RLIMIT_AS", kAddressSpace);
#endif
  lower_limit(RLIMIT_NPROC, "RLIMIT_NPROC", kProcesses);
  refuse_system_calls();
}

}  // namespace airtight::audit
