// The child is this test program, which runs the hidden case named as the command says.
#include "auditor/enforcement/prover.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "auditor/enforcement/prover_request.h"
#include "tests/auditor/enforcement/live_kernel.h"

namespace airtight::audit {
namespace {

// What the child does instead of proving, where the test asks: the first uplink's name.
void misbehave() {
  std::string bytes(1U << 24, '\0');
  const ssize_t got = pread(0, bytes.data(), bytes.size(), 0);
  const std::optional<ProverRequest> request =
      decode_request(std::string_view(bytes).substr(0, got > 0 ? static_cast<std::size_t>(got) : 0));
  if (!request || request->uplinks.empty()) return;
  const std::string& wish = request->uplinks.front();
  const auto say = [](const std::string& text) {
    for (std::string_view rest = text; !rest.empty();) {
      const ssize_t put = write(1, rest.data(), rest.size());
      if (put <= 0) _exit(9);
      rest.remove_prefix(static_cast<std::size_t>(put));
    }
  };
  if (wish == "hang") {
    for (;;) pause();
  } else if (wish == "crash") {
    abort();
  } else if (wish == "flood") {
    for (;;) say(std::string(1U << 16, 'x'));
  } else if (wish == "half") {
    say(encode_answer("{}").substr(0, 3));
    _exit(0);
  } else if (wish == "lie") {
    say(encode_answer(R"({"outcome":"sealed","opened":[],"assumptions":[],"chains":[]})"));
    _exit(0);
  } else if (wish == "sealed but failed") {
    say(encode_answer(
        R"({"outcome":"sealed","opened":[],"assumptions":[],"chains":[{"uplink":"","present":true,"sealed":true,"why":""}]})"));
    _exit(7);
  }
}

TEST_CASE("prove-enforcement", "[.]") {
  misbehave();
  _exit(prover_main(0, 1));
}

Proof wait_for(Prover& prover) {
  for (;;) {
    pollfd ready{prover.fd(), POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 60'000) == 1);
    if (std::optional<Proof> proof = prover.poll()) return *proof;
  }
}

std::vector<RulesetDump> no_rules() {
  return {{"nft -j list ruleset", R"({"nftables": [{"metainfo": {"version": "1.0.6"}}]})", "", false}};
}

Proof ask(const std::vector<std::string>& uplinks, std::vector<RulesetDump> dumps, unsigned seconds = 60) {
  std::unique_ptr<Prover> prover;
  const std::error_code error =
      Prover::start(sealed_node().policy_json, uplinks, std::move(dumps), kDay, seconds, prover);
  INFO(error.message());
  REQUIRE_FALSE(error);
  return wait_for(*prover);
}

TEST_CASE("the child's proof is the one that this process would make", "[prover]") {
  const std::vector<std::string> uplinks{"up0", "no\xff utf-8"};
  const Proof proof = ask(uplinks, no_rules());
  CHECK(proof == prove_enforcement(sealed_node().policy, uplinks, no_rules(), kDay));
  CHECK(proof.outcome == "open");
}

TEST_CASE("the child proves a live kernel's rules", "[prover]") {
  const LiveKernel kernel;
  if (!kernel.ready("the child proves")) return;
  LiveKernel::nft(sealed_node().inet);
  LiveKernel::nft(sealed_node().egress);
  const Proof proof = ask({"up0", "up0.7"}, LiveKernel::dumps());
  CHECK(proof.outcome == "sealed");
  CHECK(proof.chains == std::vector<Proof::Chain>{{"up0", true, true, ""}, {"up0.7", true, true, ""}});
}

TEST_CASE("every end but a good one is unreadable", "[prover]") {
  struct Row {
    const char* wish;
    unsigned seconds;
    const char* why;
  };
  for (const Row& row : std::initializer_list<Row>{{"hang", 1, "the prover did not end within 1 seconds"},
                                                   {"hang", 0, "the prover did not end within 0 seconds"},
                                                   {"crash", 60, "the prover was ended by signal 6"},
                                                   {"flood", 60, "the prover's answer is longer than it can be"},
                                                   {"half", 60, "the prover's answer is not whole"},
                                                   {"lie", 60, "the prover's answer is not about these uplinks"},
                                                   {"sealed but failed", 60, "the prover ended with status 7"}}) {
    INFO(row.wish);
    const Proof proof = ask({row.wish}, no_rules(), row.seconds);
    CHECK(proof.outcome == "unreadable");
    CHECK(proof.opened == std::vector<std::string>{row.why});
    CHECK(proof.chains == std::vector<Proof::Chain>{{row.wish, false, false, row.why}});
  }
}

TEST_CASE("a policy that cannot be read is not sealed", "[prover]") {
  std::unique_ptr<Prover> prover;
  REQUIRE_FALSE(Prover::start("{}", {"up0"}, no_rules(), kDay, 60, prover));
  const Proof proof = wait_for(*prover);
  CHECK(proof.outcome == "unreadable");
  REQUIRE(proof.opened.size() == 1);
  CHECK(proof.opened[0].starts_with("the prover cannot read the policy: "));
  REQUIRE(proof.chains.size() == 1);
  CHECK(proof.chains[0].why == proof.opened[0]);
}

TEST_CASE("who else reaps children does not disturb", "[prover]") {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  REQUIRE(sigaction(SIGCHLD, &ignore, &before) == 0);
  const Proof proof = ask({"up0"}, no_rules());
  REQUIRE(sigaction(SIGCHLD, &before, nullptr) == 0);
  CHECK(proof.outcome == "open");
}

TEST_CASE("a prover that is given up leaves no child behind", "[prover]") {
  std::unique_ptr<Prover> prover;
  REQUIRE_FALSE(Prover::start(sealed_node().policy_json, {"hang"}, no_rules(), kDay, 60, prover));
  CHECK_FALSE(prover->poll());
  prover.reset();
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);
}

TEST_CASE("a busy node's rules", "[.speed]") {
  const LiveKernel kernel;
  if (!kernel.ready("a busy node's rules") || !LiveKernel::has("iptables-nft-restore")) return;
  LiveKernel::nft(sealed_node().inet);
  LiveKernel::nft(sealed_node().egress);
  std::string text = "*nat\n:KUBE-SERVICES - [0:0]\n";
  std::string rules = "-A PREROUTING -j KUBE-SERVICES\n-A OUTPUT -j KUBE-SERVICES\n";
  for (unsigned i = 0; i < 5000; ++i) {
    const std::string id = std::to_string(i);
    const std::string address = "10.43." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250);
    text += ":KUBE-SVC-" + id + " - [0:0]\n:KUBE-SEP-" + id + " - [0:0]\n";
    rules += "-A KUBE-SERVICES -d " + address + "/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-" + id + "\n-A KUBE-SVC-" +
             id + " -m statistic --mode random --probability 0.5 -j KUBE-SEP-" + id + "\n-A KUBE-SEP-" + id +
             " -p tcp -m tcp -j DNAT --to-destination 10.42.0.9:443\n";
  }
  FILE* const pipe = popen("iptables-nft-restore", "w");
  REQUIRE(pipe != nullptr);
  std::fputs((text + rules + "COMMIT\n").c_str(), pipe);
  REQUIRE(pclose(pipe) == 0);
  const std::vector<RulesetDump> dumps = LiveKernel::dumps();
  const auto begin = std::clock();
  const std::string digest = ruleset_digest(dumps);
  const auto read = std::clock() - begin;
  const Proof proof = ask({"up0"}, dumps);
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  WARN(dumps[0].text.size() << " octets of listing, CPU: digest " << read * 1000 / CLOCKS_PER_SEC
                            << " ms, largest child " << usage.ru_maxrss / 1024 << " MB");
  CHECK(proof.outcome == "sealed");
}

TEST_CASE("requests are read whole or not at all", "[prover]") {
  ProverRequest request{"{}", {"a", ""}, {{"t", std::string("\0x", 2), "e", true}, {}}, {2027, 6, 30}, 7};
  const std::string bytes = encode_request(request);
  const std::optional<ProverRequest> read = decode_request(bytes);
  REQUIRE(read);
  CHECK(read->policy_json == request.policy_json);
  CHECK(read->uplinks == request.uplinks);
  CHECK(read->dumps == request.dumps);
  CHECK(read->at == request.at);
  CHECK(read->seconds == 7);
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(decode_request(bytes.substr(0, size)));
  CHECK_FALSE(decode_request(bytes + "x"));
  std::string_view json;
  CHECK(decode_answer(encode_answer("{}"), json));
  CHECK(json == "{}");
  CHECK_FALSE(decode_answer(encode_answer("{}") + "x", json));
  CHECK_FALSE(decode_answer(std::string("\x7f\xff\xff\xff{}", 6), json));
}

}  // namespace
}  // namespace airtight::audit
