#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <optional>
#include <utility>

#include "auditor/enforcement/prover.h"
#include "auditor/enforcement/prover_request.h"

namespace airtight::audit {
namespace {

[[maybe_unused]] constexpr rlim_t kMemory = rlim_t{2} << 30;
constexpr std::size_t kMaxRequest = std::size_t{1} << 29;

// No further than the limit that is there.
void limit(int resource, rlim_t most) {
  rlimit now{};
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &now) != 0) return;
  now.rlim_max = std::min(now.rlim_max, most);
  now.rlim_cur = now.rlim_max;
  (void)setrlimit(static_cast<__rlimit_resource_t>(resource), &now);
}

void give_up_rights() {
  (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{};
  (void)syscall(SYS_capset, &header, none);
}

void be_modest() {
  (void)setpriority(PRIO_PROCESS, 0, 19);
  const sched_param parameters{};
  (void)sched_setscheduler(0, SCHED_IDLE, &parameters);
  limit(RLIMIT_CORE, 0);
#if !defined(__SANITIZE_ADDRESS__)  // which reserves terabytes
  limit(RLIMIT_AS, kMemory);
#endif
}

bool read_all(int in, std::string& bytes) {
  for (;;) {
    const std::size_t have = bytes.size();
    if (have > kMaxRequest) return false;
    bytes.resize(have + (std::size_t{1} << 16));
    const ssize_t got = read(in, bytes.data() + have, bytes.size() - have);
    bytes.resize(have + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got == 0) return true;
    if (got < 0 && errno != EINTR) return false;
  }
}

bool write_all(int out, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(out, bytes.data(), bytes.size());
    if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
    if (put < 0 && errno != EINTR) return false;
  }
  return true;
}

Proof unreadable(std::string why) {
  Proof proof;
  proof.outcome = "unreadable";
  proof.opened.push_back(std::move(why));
  return proof;
}

Proof prove(const ProverRequest& request) {
  Sources sources;
  Diagnostics diagnostics;
  const std::optional<Policy> policy =
      parse_compiled_policy(sources.add("policy.json", request.policy_json), sources, diagnostics);
  if (!policy) return unreadable("the prover cannot read the policy: " + diagnostics.sorted().front().message);
  return prove_enforcement(*policy, request.uplinks, request.dumps, request.at);
}

}  // namespace

int prover_main(int in, int out) {
  give_up_rights();
  be_modest();
  try {
    std::string bytes;
    if (!read_all(in, bytes)) return 4;
    const std::optional<ProverRequest> request = decode_request(bytes);
    if (!request) return 2;
    std::string().swap(bytes);
    // A second more: the parent's own bound says it in better words.
    limit(RLIMIT_CPU, rlim_t{request->seconds} + 1);
    return write_all(out, encode_answer(to_json(prove(*request)))) ? 0 : 4;
  } catch (const std::exception&) {  // out of memory
    return 5;
  }
}

}  // namespace airtight::audit
