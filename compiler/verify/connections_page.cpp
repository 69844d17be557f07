#include "compiler/verify/connections_page.h"

#include <cstdint>
#include <string_view>

#include "compiler/policy/diagnostic.h"
#include "compiler/policy/json_canonical.h"
#include "compiler/verify/report_wording.h"

namespace airtight::verify {
namespace {

constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --line: #c8ccd1; --quiet: #5b626a; --block: #8a3b00; }
@media (prefers-color-scheme: dark) { :root { --line: #4a4f55; --quiet: #a6adb5; --block: #ffb37a; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; }
table { border-collapse: collapse; width: 100%; margin-top: 1rem; }
caption { text-align: left; color: var(--quiet); padding-bottom: .5rem; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top;
         overflow-wrap: anywhere; }
th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible, input:focus-visible { outline: 2px solid; outline-offset: 2px; }
th[aria-sort=ascending] button::after { content: " \2191"; }
th[aria-sort=descending] button::after { content: " \2193"; }
.block { color: var(--block); font-style: italic; }
.uncertain { font-weight: 600; }
input { font: inherit; width: 24rem; max-width: 100%; }
output, dl { color: var(--quiet); }
dt { float: left; clear: left; margin-right: .6rem; }
)";

constexpr std::string_view kScript = R"(
const body = document.querySelector("tbody"), rows = [...body.rows];
const filter = document.querySelector("input"), count = document.querySelector("output");
const texts = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));
function show() {
  const words = filter.value.toLowerCase().split(/\s+/);
  let shown = 0;
  for (const row of rows) {
    row.hidden = !words.every(word => texts.get(row).includes(word));
    if (!row.hidden) ++shown;
  }
  count.value = `${shown} of ${rows.length} shown`;
}
function sort(header) {
  const up = header.getAttribute("aria-sort") !== "ascending";
  for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", up ? "ascending" : "descending");
  const text = row => row.cells[header.cellIndex].textContent;
  const order = new Intl.Collator(undefined, {numeric: true});
  rows.sort((a, b) => (up ? 1 : -1) * order.compare(text(a), text(b)));
  for (const row of rows) body.append(row);
}
for (const button of document.querySelectorAll("th button"))
  button.addEventListener("click", () => sort(button.parentElement));
filter.addEventListener("input", show);
document.querySelector("form").addEventListener("submit", event => event.preventDefault());
document.querySelector("form").hidden = false;
show();
)";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::uint32_t nibble(char c) { return static_cast<std::uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10); }

// 'sha256-BASE64': the source expression of Content Security Policy that allows this text and no other.
std::string source_hash(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::size_t kNibbles = 6;  // 24 bits: four digits of base64
  std::string hex = digest_of(text).substr(std::string_view("sha256:").size());
  hex += "00";  // 32 bytes and one of padding
  std::string out;
  for (std::size_t at = 0; at < hex.size(); at += kNibbles) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < kNibbles; ++i) bits = bits << 4 | nibble(hex[at + i]);
    for (int shift = 18; shift >= 0; shift -= 6) out += kDigits[bits >> shift & 63];
  }
  out.back() = '=';
  return "'sha256-" + out + "'";
}

std::string end_cell(const std::string& end, bool block) {
  return std::string("<td") + (block ? " class=\"block\"" : "") + ">" + escaped(end) + "</td>";
}

std::string row(const Connection& each) {
  return "<tr>" + end_cell(each.source, each.source_is_block) + end_cell(each.destination, each.destination_is_block) +
         "<td>" + escaped(services_text(each.services)) + "</td>" +
         (each.certain ? "<td>yes</td>" : "<td class=\"uncertain\">no</td>") + "</tr>\n";
}

}  // namespace

std::string connections_page(const std::vector<Connection>& connections) {
  std::string rows;
  for (const Connection& each : connections) rows += row(each);
  const std::string policy = "default-src 'none'; style-src " + source_hash(kStyle) + "; script-src " +
                             source_hash(kScript) + "; base-uri 'none'; form-action 'none'";
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"" +
         policy +
         "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<title>Permitted connections</title>\n<style>" +
         std::string(kStyle) +
         "</style>\n</head>\n<body>\n<h1>Permitted connections</h1>\n"
         "<dl><dt>namespace/name[Kind]</dt><dd>a workload of the cluster</dd>\n"
         "<dt class=\"block\">first-last</dt><dd>a block of addresses</dd>\n"
         "<dt>All Connections</dt><dd>every port of TCP, UDP and SCTP</dd>\n"
         "<dt class=\"uncertain\">no</dt><dd>let through only by something that was not understood</dd></dl>\n"
         "<form role=\"search\" hidden><label>Show rows with <input type=\"search\" autocomplete=\"off\"></label> "
         "<output></output></form>\n<table>\n<caption>" +
         counted(connections.size(), "connection") +
         "</caption>\n<thead><tr><th scope=\"col\"><button type=\"button\">Source</button></th>"
         "<th scope=\"col\"><button type=\"button\">Destination</button></th>"
         "<th scope=\"col\"><button type=\"button\">Services</button></th>"
         "<th scope=\"col\"><button type=\"button\">Certain</button></th></tr></thead>\n<tbody>\n" +
         rows + "</tbody>\n</table>\n<script>" + std::string(kScript) + "</script>\n</body>\n</html>\n";
}

}  // namespace airtight::verify
