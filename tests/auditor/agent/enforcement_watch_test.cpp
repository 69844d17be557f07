#include "auditor/agent/enforcement_watch.h"

#include <sys/socket.h>

#include <catch2/catch.hpp>

namespace airtight::audit {
namespace {

// An opener that reads nothing: what it is asked for fails, but for a socket on which nothing is ever told.
class Silent final : public Opener {
 public:
  std::error_code open_socket(SocketKind, Fd& socket) override {
    socket = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return {};
  }
  std::error_code ruleset_generation(std::uint32_t& generation) override {
    generation = 1;
    return {};
  }
  std::error_code counters(std::string_view, std::string_view, std::string&) override { return failure(); }
  std::error_code read_rulesets(Fd&) override { return failure(); }
  std::error_code program_name(std::uint32_t, std::string&) override { return failure(); }
  std::error_code device_programs(std::uint32_t, std::vector<std::uint32_t>&) override { return failure(); }

 private:
  static std::error_code failure() { return std::make_error_code(std::errc::broken_pipe); }
};

Policy policy_until(const char* day) {
  Policy policy;
  policy.exceptions.emplace_back();
  policy.exceptions.back().expires = *Date::parse(day);
  return policy;
}

TEST_CASE("enforcement watch: rulesets that cannot be read are never sealed") {
  Silent opener;
  EnforcementWatch watch(opener, 1);
  watch.use(policy_until("2026-12-31"), {"eth0"});
  CHECK(watch.interval(*Date::parse("2026-11-25")).empty());
  const auto records = watch.poll();
  REQUIRE(records.size() == 1);
  CHECK(records[0] == EnforcementRecord{"", "unreadable", {"the process that reads rulesets does not answer"}});
  CHECK(watch.known());
  CHECK_FALSE(watch.sealed());
  CHECK(watch.busy());  // it asks again
}

TEST_CASE("enforcement watch: what was proved with an exception is no answer once that expired") {
  Silent opener;
  EnforcementWatch watch(opener, 1);
  watch.use(policy_until("2026-11-25"), {"eth0"});
  CHECK(watch.interval(*Date::parse("2026-11-24")).empty());
  (void)watch.poll();
  CHECK(watch.interval(*Date::parse("2026-11-25")).empty());
  const auto records = watch.interval(*Date::parse("2026-11-26"));
  REQUIRE(records.size() == 1);
  CHECK(records[0] == EnforcementRecord{"", "changed", {"an exception expired: the rules are proved without it"}});
  CHECK(watch.interval(*Date::parse("2026-11-26")).empty());
  CHECK(watch.interval(*Date::parse("2026-11-27")).empty());
}

}  // namespace
}  // namespace airtight::audit
