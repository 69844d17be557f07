#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/auditor/replay/sample_result.h"

namespace airtight::audit {
namespace {

using Json = nlohmann::ordered_json;

TEST_CASE("a clean replay as JSON, whole") {
  const std::string text = render_json(clean_result());
  CHECK(text == expected("clean.json", text));
  keep_sample("clean.replay.json", text);
}

TEST_CASE("a violated replay as JSON, whole") {
  const std::string text = render_json(rich_result());
  CHECK(text == expected("rich.json", text));
  keep_sample("rich.replay.json", text);
}

TEST_CASE("what is not there is null in JSON") {
  const Json json = Json::parse(render_json(rich_result()));
  const Json& leak = json["findings"][0];
  CHECK(leak["port"] == 443);
  CHECK(leak["catalogue"] == "hosted LLM: OpenAI");
  CHECK(leak["detail"].is_null());
  const Json& frame = json["findings"][3];
  for (const char* member : {"source", "destination", "port", "name", "catalogue", "first_seen", "last_seen"}) {
    INFO(member);
    CHECK(frame[member].is_null());
  }
  const Json& cut = json["findings"][6];
  CHECK(cut["protocol"].is_null());
  CHECK(cut["interface"].is_null());
  CHECK(json["findings"][1]["examples"][0] == Json{{"file", "old.pcap"}, {"packet", 1}, {"time", nullptr}});
  ReplayResult empty;
  const Json nothing = Json::parse(render_json(empty));
  CHECK(nothing["period"] == Json{{"first", nullptr}, {"last", nullptr}});
  CHECK(nothing["files"] == Json::array());
  CHECK(nothing["findings"] == Json::array());
  CHECK(nothing["names"] == Json::array());
  CHECK(nothing["classes"].size() == kClassCount);
}

TEST_CASE("an example of a file that is not there does not take the report down") {
  ReplayResult result = rich_result();
  result.findings[0].examples[0].file = 99;
  CHECK(Json::parse(render_json(result))["findings"][0]["examples"][0]["file"].is_null());
  CHECK(render_text(result, false).find("? packet 17") != std::string::npos);
}

TEST_CASE("JSON stays UTF-8 whatever a capture says") {
  const std::string text = render_json(hostile_result());
  keep_sample("hostile.replay.json", text);
  const Json json = Json::parse(text);
  const std::string shown(kHostileShown);
  CHECK(json["findings"][0]["name"] == shown);
  CHECK(json["findings"][0]["interface"] == shown);
  CHECK(json["findings"][0]["pod_side"][0]["interface"] == shown);
  CHECK(json["files"][0]["path"] == shown);
  CHECK(json["files"][0]["interfaces"][0]["why"] == shown);
  CHECK(json["files"][0]["problems"][0]["what"] == shown);
  CHECK(json["names"][0]["name"] == shown);
  CHECK(json["reasons"][2] == shown);
  CHECK(text.find('\033') == std::string::npos);
  for (int byte = 0; byte < 256; ++byte) {
    ReplayResult result = clean_result();
    result.names[std::string(1, static_cast<char>(byte)) + "\xE2\x82"] = {1, false};
    CHECK_NOTHROW(Json::parse(render_json(result)));
  }
}

}  // namespace
}  // namespace airtight::audit
