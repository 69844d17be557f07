#include "auditor/agent/metrics.h"

#include <cstdio>

namespace airtight::audit {

namespace {

// A label's value: backslash, quote and line feed are escaped, and nothing else is asked for.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '\\' || c == '"') result += '\\';
    result += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return result + "\"";
}

class Page {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = "airtight_" + std::string(name);
    text_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " + std::string(type) + "\n";
  }
  void sample(const std::vector<std::pair<std::string_view, std::string_view>>& labels, const std::string& value) {
    text_ += name_;
    for (std::size_t i = 0; i < labels.size(); ++i)
      text_ += std::string(i == 0 ? "{" : ",") + std::string(labels[i].first) + "=" + quoted(labels[i].second);
    text_ += (labels.empty() ? " " : "} ") + value + "\n";
  }
  void sample(const std::vector<std::pair<std::string_view, std::string_view>>& labels, std::uint64_t value) {
    sample(labels, std::to_string(value));
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_, text_;
};

}  // namespace

std::string render_metrics(const Metrics& metrics) {
  Page page;
  page.family("build_info", "gauge", "The program and the policy in force.");
  page.sample({{"version", metrics.version}, {"policy_digest", metrics.policy_digest}}, 1);
  struct Column {
    std::string_view name, help;
    std::uint64_t Metrics::Interface::*value;
  };
  constexpr Column kColumns[] = {
      {"frames_seen_total", "Frames judged in user space.", &Metrics::Interface::seen},
      {"frames_seen_bytes_total", "Their bytes on the wire.", &Metrics::Interface::bytes},
      {"frames_dropped_total", "Frames that the kernel could not hand over: a gap.", &Metrics::Interface::dropped},
      {"frames_discarded_total", "Frames that the boundary filter discarded in the kernel.",
       &Metrics::Interface::discarded},
      {"frames_sent_total", "Frames that the tap of an uplink saw leave.", &Metrics::Interface::sent},
  };
  for (const Column& column : kColumns) {
    page.family(column.name, "counter", column.help);
    for (const auto& [name, interface] : metrics.interfaces)
      page.sample({{"interface", name}, {"role", interface.role}}, interface.*column.value);
  }
  page.family("class_packets_total", "counter", "Packets by class.");
  for (const auto& [name, packets] : metrics.classes) page.sample({{"class", name}}, packets);
  page.family("violations_total", "counter", "Packets that violate the boundary.");
  page.sample({}, metrics.violations);
  page.family("finding_packets_total", "counter", "Packets of findings by rule and effect.");
  for (const auto& [key, packets] : metrics.findings)
    page.sample({{"rule", key.first}, {"effect", key.second}}, packets);
  page.family("gaps_total", "counter", "Recorded gaps in coverage by reason.");
  for (const auto& [reason, count] : metrics.gaps) page.sample({{"reason", reason}}, count);
  page.family("canaries_total", "counter", "Canaries by kind and fate.");
  for (const auto& [key, count] : metrics.canaries) page.sample({{"kind", key.first}, {"fate", key.second}}, count);
  page.family("canary_rounds_total", "counter", "Canary rounds by whether every canary fared as it must.");
  page.sample({{"good", "true"}}, metrics.rounds_good);
  page.sample({{"good", "false"}}, metrics.rounds_bad);
  page.family("probes_total", "counter", "Active denial probes by outcome.");
  for (const auto& [outcome, count] : metrics.probes) page.sample({{"outcome", outcome}}, count);
  page.family("enforcement_sealed", "gauge", "1 if the live rules were last proved sealed.");
  page.sample({}, metrics.enforcement_sealed ? 1 : 0);
  page.family("uplinks_conserved", "gauge", "1 if every uplink added up in the last interval.");
  page.sample({}, metrics.conserved ? 1 : 0);
  page.family("log_records", "gauge", "Records in the evidence log.");
  page.sample({}, metrics.log_records);
  page.family("log_durable_records", "gauge", "Records that a power cut cannot take.");
  page.sample({}, metrics.log_durable);
  page.family("log_failing", "gauge", "1 if the last write to the log failed.");
  page.sample({}, metrics.log_failing ? 1 : 0);
  page.family("last_interval_timestamp_seconds", "gauge", "When the last interval was recorded.");
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f", static_cast<double>(metrics.last_interval) / 1e9);
  page.sample({}, seconds);
  return page.take();
}

std::string render_health(const Metrics& metrics) {
  if (metrics.trouble.empty()) return "ok\n";
  std::string text;
  for (const std::string& trouble : metrics.trouble) text += trouble + "\n";
  return text;
}

}  // namespace airtight::audit
