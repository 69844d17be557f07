#include "tests/verify/report/sample_report.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace airtight::verify {
namespace {

constexpr std::string_view kPolicy = R"(apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-dns, namespace: app}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
    - ports: [{port: 53, protocol: UDP}]
---
kind: VirtualMachine
metadata: {name: one, namespace: vm}
)";

ServiceSet tcp(std::uint16_t first, std::uint16_t last) {
  return ServiceSet::of(Protocol::Tcp, PortSet::of(first, last));
}

ServiceSet all_of_three() {
  const PortSet ports = PortSet::of(1, 65535);
  return ServiceSet::of(Protocol::Tcp, ports) | ServiceSet::of(Protocol::Udp, ports) |
         ServiceSet::of(Protocol::Sctp, ports);
}

}  // namespace

Span span_of(const Sources& sources, std::uint32_t source, std::string_view token) {
  const std::size_t at = sources.text(source).find(token);
  return {source, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + token.size())};
}

ReportSample rich_sample() {
  ReportSample sample;
  const std::uint32_t file = sample.sources.add("./deploy/my policy.yaml", std::string(kPolicy));
  const auto at = [&](std::string_view token) { return span_of(sample.sources, file, token); };
  Report& report = sample.report;
  report.verdict = Verdict::Violated;
  report.first_source = file;
  report.assumptions = {"enforced as written"};
  report.inside = {"10.0.0.0/8 (default)"};
  report.exceptions = {"203.0.113.7/32 443/tcp from workers, SEC-12, until 2027-06-30"};

  LayerReport& kubernetes = report.layers.emplace_back();
  kubernetes.verdict = Verdict::Violated;
  kubernetes.workloads = {"app/api[Deployment]", "app/web[Deployment]", "db/pg[StatefulSet]"};
  kubernetes.sealed = Verdict::Violated;
  kubernetes.complete = Verdict::Proven;
  kubernetes.exact = Verdict::Proven;
  Finding& open = kubernetes.findings.emplace_back();
  open.property = Property::Sealed;
  open.effect = Verdict::Violated;
  open.workloads = {"app/api[Deployment]", "app/web[Deployment]"};
  open.destination = "0.0.0.0";
  open.protocol = "udp";
  open.port = std::uint16_t{53};
  open.counterexample = Packet{Ip::parse("10.42.0.9"), Ip::parse("0.0.0.0"), "udp", {}, std::uint16_t{53}, "new"};
  open.extent = "all addresses but 10.0.0.0/8, 53/udp";
  open.message = "a rule without peers lets port 53 out to everywhere";
  open.remedy = "name the resolver in `to`";
  open.because = {{at("- ports"), "NetworkPolicy app/allow-dns, egress rule 1", ""},
                  {at("podSelector"), "NetworkPolicy app/allow-dns", ""}};
  Finding& excess = kubernetes.findings.emplace_back();
  excess.rule = Rule::Excess;
  excess.property = Property::Exact;
  excess.workloads = {"db/pg[StatefulSet]"};
  excess.destination = "app/web[Deployment]";
  excess.protocol = "any";
  excess.message = "no flow declares this";
  excess.because = {{{}, "", "no NetworkPolicy with policyTypes Egress selects it"}};

  LayerReport& firewall = report.layers.emplace_back();
  firewall.layer = Layer::Firewall;
  firewall.sealed = Verdict::Proven;
  LayerReport& dns = report.layers.emplace_back();
  dns.layer = Layer::Dns;
  dns.verdict = Verdict::Inconclusive;
  dns.sealed = Verdict::Inconclusive;
  Finding& resolver = dns.findings.emplace_back();
  resolver.rule = Rule::NoResolver;
  resolver.property = Property::Sealed;
  resolver.effect = Verdict::Inconclusive;
  resolver.message = "zones are here, and no configuration of a resolver";
  report.layers.emplace_back().layer = Layer::Admission;

  Finding& alias = report.findings.emplace_back();
  alias.rule = Rule::ExternalName;
  alias.destination = "api.vendor.example";
  alias.message = "Service app/ext is an alias for 'api.vendor.example'";
  alias.because = {{at("allow-dns"), "Service app/ext", ""}};
  report.relays = {{{"app/web[Deployment]", "app/proxy[Deployment]", "outside 203.0.113.0/24"},
                    "app/proxy[Deployment] is let out",
                    at("egress:")}};
  report.unsupported = {{at("VirtualMachine"), "kind VirtualMachine, vm/one", "read as a pod without policy"}};
  report.disagreements = {{"app/web[Deployment] → 10.20.0.0/24, 5432/tcp", Layer::Kubernetes, Layer::Firewall}};
  return sample;
}

ReportSample proven_sample() {
  ReportSample sample;
  sample.sources.add("rules.nft", "table inet t {}\n");
  Report& report = sample.report;
  report.verdict = Verdict::Proven;
  report.first_source = 1;
  report.reasons = {"not fully air-gapped: boundary.mode is private-vpc"};
  report.exceptions = {"203.0.113.7/32 443/tcp from workers, SEC-12, until 2027-06-30"};
  LayerReport& layer = report.layers.emplace_back();
  layer.layer = Layer::Firewall;
  layer.sealed = Verdict::Proven;
  return sample;
}

ReportSample wide_sample() {
  ReportSample sample;
  sample.report.verdict = Verdict::Violated;
  LayerReport& layer = sample.report.layers.emplace_back();
  layer.verdict = Verdict::Violated;
  layer.sealed = Verdict::Violated;
  Finding& finding = layer.findings.emplace_back();
  finding.property = Property::Sealed;
  finding.effect = Verdict::Violated;
  finding.message = "no policy selects them";
  finding.because = {{{}, "", "no NetworkPolicy with policyTypes Egress selects it"}};
  for (int i = 0; i < 1000; ++i) {
    const std::string digits = std::to_string(i);
    finding.workloads.push_back("app/w" + std::string(3 - digits.size(), '0') + digits + "[Deployment]");
  }
  layer.workloads = finding.workloads;
  return sample;
}

ReportSample hostile_sample() {
  ReportSample sample;
  const std::string text(kHostile);
  const std::uint32_t file = sample.sources.add(text, "x: " + text + "\n");
  const Span where{file, 0, static_cast<std::uint32_t>(text.size())};
  Report& report = sample.report;
  report.verdict = Verdict::Inconclusive;
  report.first_source = file;
  report.reasons = report.assumptions = report.inside = report.exceptions = {text};
  Finding finding;
  finding.property = Property::Sealed;
  finding.effect = Verdict::Inconclusive;
  finding.workloads = {text};
  finding.destination = finding.protocol = finding.extent = finding.message = finding.remedy = text;
  finding.counterexample = Packet{{}, {}, text, {}, {}, text};
  finding.because = {{where, text, text}, {{}, text, ""}};
  LayerReport& layer = report.layers.emplace_back();
  layer.verdict = Verdict::Inconclusive;
  layer.sealed = Verdict::Inconclusive;
  layer.workloads = {text};
  layer.findings = {finding};
  report.findings = {finding};
  report.relays = {{{text, text}, text, where}};
  report.unsupported = {{where, text, text}};
  report.disagreements = {{text, Layer::Kubernetes, Layer::Cluster}};
  return sample;
}

std::vector<Connection> sample_connections() {
  const ServiceSet web = tcp(80, 80) | tcp(443, 443) | ServiceSet::of(Protocol::Udp, PortSet::of(53));
  return {{"app/web[Deployment]", "db/pg[StatefulSet]", false, false, web, true},
          {"app/web[Deployment]", "10.20.0.0-10.20.0.255", false, true, all_of_three(), true},
          {"any pod of app with app.kubernetes.io/name=x", "app/web[Deployment]", false, false, tcp(8000, 8100), false},
          {"2001:db8::-2001:db8::ffff", "app/web[Deployment]", true, false, tcp(0, 65535), true}};
}

std::vector<Connection> hostile_connections() {
  const std::string text(kHostile);
  return {{"=cmd|" + text, text + ",", false, true, tcp(443, 443), false}};
}

Difference sample_difference() {
  Difference difference;
  difference.changes = {
      {Change::Kind::WayOutGained, "app/web[Deployment]", "203.0.113.0-203.0.113.255", tcp(443, 443),
       "out through the firewall (forward)"},
      {Change::Kind::WayOutGained, std::string(kHostile), "2001:db8::-2001:db8::ffff", ServiceSet::all(), "@x <b> | y"},
      {Change::Kind::Gained, "app/web[Deployment]", "db/pg[StatefulSet]", tcp(5432, 5432), ""},
      {Change::Kind::Lost, "app/api[Deployment]", "db/pg[StatefulSet]", all_of_three(), ""}};
  difference.only_old = {"app/old[Job]"};
  difference.only_new = {"app/new[CronJob]"};
  difference.notes = {"dns: only the new has a resolver"};
  return difference;
}

Explanation sample_explanation(const ReportSample& of_rich) {
  const Sources& sources = of_rich.sources;
  Explanation explanation;
  explanation.question = "app/web[Deployment] → 203.0.113.9 53/udp";
  explanation.notes = {"10.43.0.10:53 is Service kube-system/kube-dns"};
  explanation.allowed = true;
  explanation.certain = false;
  LayerExplanation kubernetes;
  kubernetes.asked = true;
  kubernetes.allowed = true;
  kubernetes.reason = "a rule without peers allows it";
  kubernetes.change = "the rule names its peers";
  kubernetes.steps = {{span_of(sources, 1, "allow-dns"), "NetworkPolicy app/allow-dns selects the source"},
                      {{}, "no other policy denies it"}};
  LayerExplanation firewall;
  firewall.layer = Layer::Firewall;
  firewall.asked = true;
  firewall.allowed = true;
  firewall.certain = false;
  firewall.reason = "a match of the rule is not understood";
  LayerExplanation dns;
  dns.layer = Layer::Dns;
  dns.reason = "nothing of this layer is in the input";
  explanation.layers = {kubernetes, firewall, dns};
  return explanation;
}

std::string expected(const std::string& name, const std::string& output) {
  const std::string path = std::string(AIRTIGHT_SOURCE_DIR) + "/tests/verify/report/expected/" + name;
  if (std::getenv("AIRTIGHT_UPDATE_EXPECTED") != nullptr) std::ofstream(path, std::ios::binary) << output;
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void keep_sample(const std::string& name, const std::string& output) {
  const char* directory = std::getenv("AIRTIGHT_SAMPLES");
  if (directory != nullptr) std::ofstream(std::string(directory) + "/" + name, std::ios::binary) << output;
}

}  // namespace airtight::verify
