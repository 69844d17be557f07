#include "auditor/agent/metrics.h"

#include <catch2/catch.hpp>

namespace airtight::audit {
namespace {

TEST_CASE("metrics are what a scraper reads") {
  Metrics metrics;
  metrics.version = "1";
  metrics.policy_digest = "sha256:ab";
  metrics.interfaces["eth0"] = {"uplink", 10, 1000, 1, 5, 8};
  metrics.gaps["kernel-drops"] = 2;
  metrics.findings[{"AT-A001", "violated"}] = 3;
  metrics.canaries[{"sensor", "seen"}] = 4;
  metrics.violations = 3;
  metrics.last_interval = 1'500'000'000;
  const std::string text = render_metrics(metrics);
  const char* lines[] = {
      "# TYPE airtight_frames_seen_total counter\nairtight_frames_seen_total{interface=\"eth0\",role=\"uplink\"} 10\n",
      "airtight_frames_dropped_total{interface=\"eth0\",role=\"uplink\"} 1\n",
      "airtight_gaps_total{reason=\"kernel-drops\"} 2\n",
      "airtight_finding_packets_total{rule=\"AT-A001\",effect=\"violated\"} 3\n",
      "airtight_canaries_total{kind=\"sensor\",fate=\"seen\"} 4\n",
      "airtight_violations_total 3\n",
      "airtight_last_interval_timestamp_seconds 1.500\n",
      "airtight_build_info{version=\"1\",policy_digest=\"sha256:ab\"} 1\n",
  };
  for (const char* line : lines) {
    INFO(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("a name cannot break out of its label") {
  Metrics metrics;
  metrics.interfaces["a\"b\\c\nd"] = {};
  CHECK(render_metrics(metrics).find("{interface=\"a\\\"b\\\\c\\nd\",") != std::string::npos);
}

TEST_CASE("health says what is wrong, a line each") {
  Metrics metrics;
  CHECK(render_health(metrics) == "ok\n");
  metrics.trouble = {"one", "two"};
  CHECK(render_health(metrics) == "one\ntwo\n");
}

}  // namespace
}  // namespace airtight::audit
