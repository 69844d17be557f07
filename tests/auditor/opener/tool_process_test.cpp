#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>

#include "auditor/opener/rulesets.h"

namespace airtight::audit {
namespace {

ToolLimits patient() { return {std::chrono::steady_clock::now() + std::chrono::minutes(5)}; }

void say(int fd, const std::string& text) {
  if (write(fd, text.data(), text.size()) < 0) _exit(99);
}

TEST_CASE("what a tool prints is its dump, and what it says is kept beside it") {
  const RulesetDump dump = run_apart(
      "tool",
      [] {
        say(1, "*filter\n");
        say(2, "# Warning: legacy tables present\n");
        return 0;
      },
      patient());
  CHECK(dump == RulesetDump{"tool", "*filter\n", "# Warning: legacy tables present", false});
}

TEST_CASE("half of what a tool wanted to print is nothing") {
  const auto half = [](int code) {
    return [code] {
      say(1, "half");
      say(2, "sorry\n");
      return code;
    };
  };
  CHECK(run_apart("tool", half(3), patient()) == RulesetDump{"tool", "", "exit code 3: sorry", true});
  CHECK(run_apart(
            "tool",
            [] {
              say(1, "half");
              return raise(SIGKILL);
            },
            patient()) == RulesetDump{"tool", "", "was ended by signal 9", true});
}

TEST_CASE("a tool that prints without end is killed") {
  ToolLimits limits = patient();
  limits.most_bytes = 100'000;
  const RulesetDump dump = run_apart(
      "tool",
      [] {
        for (;;) say(1, "0123456789");
        return 0;
      },
      limits);
  CHECK(dump == RulesetDump{"tool", "", "printed more than 100000 bytes", true});
}

TEST_CASE("a tool that complains without end fills no memory") {
  const RulesetDump dump = run_apart(
      "tool",
      [] {
        for (int i = 0; i < 100'000; ++i) say(2, "0123456789");
        return 0;
      },
      patient());
  CHECK(dump.error.size() == 4096);
  CHECK_FALSE(dump.failed);
}

TEST_CASE("a tool that hangs is killed when its time is over") {
  const RulesetDump dump = run_apart("tool",
                                     [] {
                                       for (;;) pause();
                                       return 0;
                                     },
                                     {std::chrono::steady_clock::now()});
  CHECK(dump == RulesetDump{"tool", "", "took too long", true});
}

TEST_CASE("a tool sees nothing of ours: no environment, no descriptors, no ignored signals") {
  setenv("LD_SOMETHING", "x", 1);
  const RulesetDump environment = run_tool("env", patient());
  CHECK(environment == RulesetDump{"env", "LC_ALL=C\nPATH=/usr/sbin:/sbin:/usr/bin:/bin\n", "", false});
  CHECK(run_apart(
            "tool", [] { return std::system("ls -l /proc/self/fd | grep -c pipe"); }, patient())
            .text == "2\n");
  const auto before = signal(SIGPIPE, SIG_IGN);
  const RulesetDump signals = run_apart(
      "tool",
      [] {
        for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE})
          if (signal(number, SIG_DFL) != SIG_DFL) say(1, "ignored " + std::to_string(number));
        return 0;
      },
      patient());
  signal(SIGPIPE, before);
  CHECK(signals == RulesetDump{"tool", "", "", false});
}

TEST_CASE("a tool that is not there is a dump that failed") {
  CHECK_FALSE(has_tool("no-such-tool-save"));
  CHECK(has_tool("env"));
  CHECK(run_tool("no-such-tool-save", patient()) ==
        RulesetDump{"no-such-tool-save", "", "the program no-such-tool-save is not there", true});
}

}  // namespace
}  // namespace airtight::audit
