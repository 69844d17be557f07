#include "auditor/agent/config.h"

#include <catch2/catch.hpp>

namespace airtight::audit {
namespace {

std::vector<std::string> errors_of(const std::string& text) {
  AgentConfig config;
  std::vector<std::string> errors;
  const bool good = read_config(text, "agent.json", config, errors);
  CHECK(good == errors.empty());
  return errors;
}

TEST_CASE("a configuration is read over what was there") {
  AgentConfig config;
  config.node = "kept";
  std::vector<std::string> errors;
  REQUIRE(read_config(R"({"policy": "p.json", "state": "log", "uplinks": ["eth0", "bond*"], "interval": 5,
                          "realProbes": true, "boundaryFilter": false})",
                      "agent.json", config, errors));
  CHECK(errors.empty());
  AgentConfig expected;
  expected.node = "kept";
  expected.policy = "p.json";
  expected.state = "log";
  expected.uplinks = {"eth0", "bond*"};
  expected.interval = 5;
  expected.real_probes = true;
  expected.boundary_filter = false;
  CHECK(config == expected);
}

TEST_CASE("what is no configuration is refused with its place") {
  struct Row {
    const char* text;
    const char* error;
  };
  const Row rows[] = {
      {"", "agent.json:1:1: no JSON that can be read from here on"},
      {"[]", "agent.json:1:1: expected an object, {\"policy\": …}"},
      {"{\n  \"interval\": 0}", "agent.json:2:3: 'interval' takes a whole number from 1 to 3600"},
      {"{\"takeOver\": 3601}", "agent.json:1:2: 'takeOver' takes a whole number from 0 to 3600"},
      {"{\"interval\": 1.5}", "agent.json:1:2: 'interval' takes a whole number from 1 to 3600"},
      {"{\"interval\": -1}", "agent.json:1:2: 'interval' takes a whole number from 1 to 3600"},
      {"{\"interval\": \"1\"}", "agent.json:1:2: 'interval' takes a whole number from 1 to 3600"},
      {"{\"uplinks\": \"eth0\"}", "agent.json:1:2: 'uplinks' takes a list of texts"},
      {"{\"uplinks\": [1]}", "agent.json:1:2: 'uplinks' takes a list of texts"},
      {"{\"policy\": 1}", "agent.json:1:2: 'policy' takes a text"},
      {"{\"realProbes\": \"yes\"}", "agent.json:1:2: 'realProbes' takes true or false"},
      {"{\"interval\": 5,\n \"interval\": 6}", "agent.json:2:2: 'interval' is given twice"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(errors_of(row.text) == std::vector<std::string>{row.error});
  }
  const std::vector<std::string> unknown = errors_of("{\"polcy\": \"p\"}");
  REQUIRE(unknown.size() == 1);
  CHECK(unknown[0].rfind("agent.json:1:2: 'polcy' is no setting; they are policy, state, key, node, uplinks,", 0) == 0);
}

TEST_CASE("every error is said, not the first") {
  CHECK(errors_of("{\"interval\": 0,\n \"flows\": 1,\n \"user\": []}").size() == 3);
}

TEST_CASE("what does not fit together is said before anything is opened") {
  AgentConfig config;
  CHECK(check_config(config) ==
        std::vector<std::string>{"no policy: give --policy FILE, or \"policy\" in the configuration",
                                 "no state directory: give --state DIR, or \"state\" in the configuration"});
  config.policy = "-";
  config.state = "log";
  config.uplinks = {"eth0", "e*h", ""};
  CHECK(check_config(config) ==
        std::vector<std::string>{"the policy is read again when it changes, so it cannot be standard input",
                                 "'e*h' is no interface: a name, or one with a final *",
                                 "'' is no interface: a name, or one with a final *"});
}

}  // namespace
}  // namespace airtight::audit
