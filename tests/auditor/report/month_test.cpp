// A node-month as the agent writes it, read and judged: run with "[.month]"; prints what it cost.
#include <catch2/catch.hpp>
#include <ctime>
#include <iostream>

#include "auditor/wording.h"
#include "tests/auditor/report/log_script.h"

namespace airtight::audit {
namespace {

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

TEST_CASE("a node-month is reported in seconds", "[.month]") {
  World world;
  Node node = world.node;
  constexpr int kBeats = 259'200;
  Script script = quiet(node, 0, kBeats);
  world.write("a", node, script, true, {}, 721);
  ReportOptions options = world.options();
  options.period = Period{at(20), at(kBeats * 10.)};
  double begin = cpu_seconds();
  std::uint64_t records = 0;
  read_log(world.disk, "a", {options.trust, {}}, [&](const Record&, Standing) { ++records; });
  const double reading = cpu_seconds() - begin;
  begin = cpu_seconds();
  const ReportResult result = world.report(options);
  const double all = cpu_seconds() - begin;
  CHECK(result.heading == "proven");
  begin = cpu_seconds();
  const std::size_t size =
      render_report_text(result, false).size() + render_report_json(result).size() + render_report_html(result).size();
  std::cout << grouped(records) << " records: read " << reading << " s of CPU, reported " << all << " s, rendered "
            << grouped(size) << " bytes in " << cpu_seconds() - begin << " s\n";
}

}  // namespace
}  // namespace airtight::audit
