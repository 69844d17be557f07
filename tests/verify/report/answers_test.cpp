// connections, diff and explain, written out.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "compiler/verify/connections.h"
#include "tests/verify/report/sample_report.h"

namespace airtight::verify {
namespace {

using Json = nlohmann::json;

std::string shown(ConnectionFormat format) { return render_connections(sample_connections(), format); }
std::string shown_hostile(ConnectionFormat format) { return render_connections(hostile_connections(), format); }

TEST_CASE("connections as text, whole") {
  CHECK(shown(ConnectionFormat::Text) ==
        "app/web[Deployment] => db/pg[StatefulSet] : TCP 80,443; UDP 53\n"
        "app/web[Deployment] => 10.20.0.0-10.20.0.255 : All Connections\n"
        "any pod of app with app.kubernetes.io/name=x => app/web[Deployment] : TCP 8000-8100 [uncertain]\n"
        "2001:db8::-2001:db8::ffff => app/web[Deployment] : TCP 1-65535\n");
  CHECK(render_connections({}, ConnectionFormat::Text).empty());
}

TEST_CASE("services in words") {
  const auto words = [](const ServiceSet& services) {
    const std::string line = render_connections({{"a", "b", false, false, services, true}}, ConnectionFormat::Text);
    return line.substr(9, line.size() - 10);
  };
  const PortSet real = PortSet::of(1, 65535);
  const ServiceSet tcp = ServiceSet::of(Protocol::Tcp, real), udp = ServiceSet::of(Protocol::Udp, real);
  CHECK(words({}) == "No Connections");
  CHECK(words(tcp | udp) == "TCP 1-65535; UDP 1-65535");
  CHECK(words(tcp | udp | ServiceSet::of(Protocol::Sctp, real)) == "All Connections");
  CHECK(words(tcp | udp | ServiceSet::protocol(Protocol::Sctp)) == "All Connections");
  CHECK(words(tcp | udp | ServiceSet::of(Protocol::Sctp, PortSet::of(2, 65535))) ==
        "TCP 1-65535; UDP 1-65535; SCTP 2-65535");
  CHECK(words(ServiceSet::of(Protocol::Icmp, PortSet::of(2048)) | ServiceSet::of(Protocol::Other, PortSet::of(112))) ==
        "icmp type 8 code 0; protocol 112");
}

TEST_CASE("connections as JSON, whole") {
  CHECK(shown(ConnectionFormat::Json) ==
        "{\"connections\":[\n"
        "{\"source\":\"app/web[Deployment]\",\"destination\":\"db/pg[StatefulSet]\",\"protocols\":["
        "{\"protocol\":\"tcp\",\"ports\":[[80,80],[443,443]]},{\"protocol\":\"udp\",\"ports\":[[53,53]]}],"
        "\"certain\":true},\n"
        "{\"source\":\"app/web[Deployment]\",\"destination\":\"10.20.0.0-10.20.0.255\",\"protocols\":["
        "{\"protocol\":\"tcp\",\"ports\":[[1,65535]]},{\"protocol\":\"udp\",\"ports\":[[1,65535]]},"
        "{\"protocol\":\"sctp\",\"ports\":[[1,65535]]}],\"certain\":true},\n"
        "{\"source\":\"any pod of app with app.kubernetes.io/name=x\",\"destination\":\"app/web[Deployment]\","
        "\"protocols\":[{\"protocol\":\"tcp\",\"ports\":[[8000,8100]]}],\"certain\":false},\n"
        "{\"source\":\"2001:db8::-2001:db8::ffff\",\"destination\":\"app/web[Deployment]\",\"protocols\":["
        "{\"protocol\":\"tcp\",\"ports\":[[0,65535]]}],\"certain\":true}\n]}\n");
  CHECK(render_connections({}, ConnectionFormat::Json) == "{\"connections\":[\n]}\n");
  const Json hostile = Json::parse(shown_hostile(ConnectionFormat::Json));
  CHECK(hostile["connections"][0]["destination"] == std::string(kHostilePrinted) + ",");
  keep_sample("rich.connections.json", shown(ConnectionFormat::Json));
  keep_sample("empty.connections.json", render_connections({}, ConnectionFormat::Json));
  keep_sample("hostile.connections.json", shown_hostile(ConnectionFormat::Json));
}

TEST_CASE("connections as CSV, whole: quoted as RFC 4180 asks, and no formula for a spreadsheet") {
  CHECK(shown(ConnectionFormat::Csv) ==
        "source,destination,services,certain\r\n"
        "app/web[Deployment],db/pg[StatefulSet],\"TCP 80,443; UDP 53\",yes\r\n"
        "app/web[Deployment],10.20.0.0-10.20.0.255,All Connections,yes\r\n"
        "any pod of app with app.kubernetes.io/name=x,app/web[Deployment],TCP 8000-8100,no\r\n"
        "2001:db8::-2001:db8::ffff,app/web[Deployment],TCP 1-65535,yes\r\n");
  std::string doubled(kHostilePrinted);
  doubled.insert(1, "\"");
  CHECK(shown_hostile(ConnectionFormat::Csv) ==
        "source,destination,services,certain\r\n\"'=cmd|" + doubled + "\",\"" + doubled + ",\",TCP 443,no\r\n");
  keep_sample("rich.connections.csv", shown(ConnectionFormat::Csv));
  keep_sample("hostile.connections.csv", shown_hostile(ConnectionFormat::Csv));
}

TEST_CASE("connections as DOT, whole: clusters by namespace, blocks in another shape, every id quoted") {
  CHECK(shown(ConnectionFormat::Dot) ==
        "digraph connections {\n"
        "  rankdir=LR;\n"
        "  node [shape=box];\n"
        "  \"10.20.0.0-10.20.0.255\" [label=\"10.20.0.0-10.20.0.255\", shape=ellipse];\n"
        "  \"2001:db8::-2001:db8::ffff\" [label=\"2001:db8::-2001:db8::ffff\", shape=ellipse];\n"
        "  \"any pod of app with app.kubernetes.io/name=x\" [label=\"any pod of app with "
        "app.kubernetes.io/name=x\"];\n"
        "  subgraph cluster_0 {\n"
        "    label=\"app\";\n"
        "    \"app/web[Deployment]\" [label=\"app/web[Deployment]\"];\n"
        "  }\n"
        "  subgraph cluster_1 {\n"
        "    label=\"db\";\n"
        "    \"db/pg[StatefulSet]\" [label=\"db/pg[StatefulSet]\"];\n"
        "  }\n"
        "  \"app/web[Deployment]\" -> \"db/pg[StatefulSet]\" [label=\"TCP 80,443; UDP 53\"];\n"
        "  \"app/web[Deployment]\" -> \"10.20.0.0-10.20.0.255\" [label=\"All Connections\"];\n"
        "  \"any pod of app with app.kubernetes.io/name=x\" -> \"app/web[Deployment]\" [label=\"TCP 8000-8100\", "
        "style=dashed];\n"
        "  \"2001:db8::-2001:db8::ffff\" -> \"app/web[Deployment]\" [label=\"TCP 1-65535\"];\n"
        "}\n");
  keep_sample("rich.dot", shown(ConnectionFormat::Dot));
  keep_sample("empty.dot", render_connections({}, ConnectionFormat::Dot));
  keep_sample("hostile.dot", shown_hostile(ConnectionFormat::Dot));
}

TEST_CASE("connections as a page: rows whole, nothing from elsewhere, hostile names escaped") {
  const std::string page = shown(ConnectionFormat::Html);
  const std::size_t begin = page.find("<tbody>\n") + 8;
  CHECK(page.substr(begin, page.find("</tbody>") - begin) ==
        "<tr><td>app/web[Deployment]</td><td>db/pg[StatefulSet]</td><td>TCP 80,443; UDP 53</td><td>yes</td></tr>\n"
        "<tr><td>app/web[Deployment]</td><td class=\"block\">10.20.0.0-10.20.0.255</td><td>All Connections</td>"
        "<td>yes</td></tr>\n"
        "<tr><td>any pod of app with app.kubernetes.io/name=x</td><td>app/web[Deployment]</td><td>TCP 8000-8100</td>"
        "<td class=\"uncertain\">no</td></tr>\n"
        "<tr><td class=\"block\">2001:db8::-2001:db8::ffff</td><td>app/web[Deployment]</td><td>TCP 1-65535</td>"
        "<td>yes</td></tr>\n");
  for (const std::string_view outside : {"://", "src=", "href=", "url(", "@import"})
    CHECK(page.find(outside) == std::string::npos);
  const std::string hostile = shown_hostile(ConnectionFormat::Html);
  CHECK(hostile.find("<script>alert") == std::string::npos);
  CHECK(hostile.find("a&quot;b&#39;c\\x0a&lt;script&gt;alert(1)&lt;/script&gt;") != std::string::npos);
  keep_sample("rich.html", page);
  keep_sample("empty.html", render_connections({}, ConnectionFormat::Html));
  keep_sample("hostile.html", hostile);
}

TEST_CASE("a difference, whole: ways out gained first") {
  const Difference difference = sample_difference();
  const std::string text = render_difference(difference, DiffFormat::Text);
  CHECK(text == expected("difference.txt", text));
  const std::string json = render_difference(difference, DiffFormat::Json);
  CHECK(json == expected("difference.json", json));
  CHECK(Json::parse(json)["way_out_gained"] == true);
  const std::string markdown = render_difference(difference, DiffFormat::Markdown);
  CHECK(markdown == expected("difference.md", markdown));
  keep_sample("rich.diff.json", json);
  keep_sample("empty.diff.json", render_difference({}, DiffFormat::Json));
}

TEST_CASE("no difference is said in each format") {
  CHECK(render_difference({}, DiffFormat::Text) ==
        "0 ways out gained, 0 connections gained, 0 connections lost, 0 ways out lost\n");
  CHECK(render_difference({}, DiffFormat::Markdown) ==
        "**0 ways out gained**\n\n0 ways out gained, 0 connections gained, 0 connections lost, 0 ways out lost\n");
  CHECK(render_difference({}, DiffFormat::Json) ==
        "{\n  \"way_out_gained\": false,\n  \"changes\": [],\n  \"only_old\": [],\n  \"only_new\": [],\n"
        "  \"notes\": []\n}\n");
}

TEST_CASE("a long difference fits a comment, and says what it left out") {
  Difference difference;
  for (int i = 0; i < 1000; ++i)
    difference.changes.push_back({i < 150 ? Change::Kind::WayOutGained : Change::Kind::Gained, "app/w[Deployment]",
                                  "203.0.113." + std::to_string(i % 256), ServiceSet::protocol(Protocol::Tcp), ""});
  const std::string markdown = render_difference(difference, DiffFormat::Markdown);
  CHECK(markdown.starts_with("**150 ways out gained**\n\n150 ways out gained, 850 connections gained, "));
  CHECK(markdown.find("\nand 800 more changes (`--format json` has all)\n") != std::string::npos);
  CHECK(markdown.size() < 65536);
  CHECK(Json::parse(render_difference(difference, DiffFormat::Json))["changes"].size() == 1000);
}

TEST_CASE("an explanation, whole") {
  const ReportSample sample = rich_sample();
  const Explanation explanation = sample_explanation(sample);
  const std::string text = render_explanation(explanation, sample.sources, false, false);
  CHECK(text ==
        "app/web[Deployment] → 203.0.113.9 53/udp: perhaps allowed\n"
        "  note: 10.43.0.10:53 is Service kube-system/kube-dns\n"
        "\n"
        "kubernetes: allowed: a rule without peers allows it\n"
        "  ./deploy/my policy.yaml:3:18: NetworkPolicy app/allow-dns selects the source\n"
        "  3 | metadata: {name: allow-dns, namespace: app}\n"
        "    |                  ^^^^^^^^^\n"
        "  no other policy denies it\n"
        "  to change it: the rule names its peers\n"
        "\n"
        "firewall: perhaps allowed: a match of the rule is not understood\n"
        "\n"
        "dns: not asked: nothing of this layer is in the input\n");
  const std::string json = render_explanation(explanation, sample.sources, true, false);
  CHECK(json == expected("explanation.json", json));
  CHECK(render_explanation(explanation, sample.sources, true, true) == json);
  CHECK(render_explanation(explanation, sample.sources, false, true).find("\033[1;31mallowed\033[0m") !=
        std::string::npos);
  keep_sample("rich.explain.json", json);
}

}  // namespace
}  // namespace airtight::verify
