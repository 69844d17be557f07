#include "auditor/attribution/pods.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

namespace airtight::audit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNoon = 1'764'072'000 * kSecond;  // 2025-11-25T12:00:00Z

Ip ip(const char* text) { return *Ip::parse(text); }

// A directory of this test, and the file in it.
class PodFixture {
 public:
  PodFixture() {
    std::string form = (std::filesystem::temp_directory_path() / "pods.XXXXXX").string();
    REQUIRE(::mkdtemp(form.data()) != nullptr);
    directory_ = form;
  }
  ~PodFixture() { std::filesystem::remove_all(directory_); }
  std::string path() const { return directory_ + "/pods.jsonl"; }
  void write(const std::string& text) const { std::ofstream(path(), std::ios::binary) << text; }

 private:
  std::string directory_;
};

TEST_CASE("pods: every member of a line") {
  std::vector<std::string> errors;
  const auto entries = parse_pods(
      "{\"interface\":\"cali12ab\",\"namespace\":\"app\",\"name\":\"web-0\",\"addresses\":[\"10.42.0.2\",\"2001:db8::"
      "2\"],"
      "\"from\":\"2025-11-25T12:00:00Z\",\"to\":\"2025-11-25T12:00:00.25Z\"}\n"
      "\n"
      "{\"name\":\"db.1\",\"namespace\":\"app\",\"addresses\":[\"10.42.0.3\"],\"from\":null,\"to\":null}",
      "p", errors);
  CHECK(errors.empty());
  CHECK(entries == std::vector<PodEntry>{
                       {"cali12ab", "app", "web-0", {ip("10.42.0.2"), ip("2001:db8::2")}, kNoon, kNoon + kSecond / 4},
                       {"", "app", "db.1", {ip("10.42.0.3")}, INT64_MIN, INT64_MAX}});
}

TEST_CASE("pods: what is not such a line is refused, with its place") {
  const std::string good = R"({"interface":"cali1","namespace":"app","name":"web"})";
  const struct {
    std::string line;
    const char* error;
  } rows[] = {
      {"nonsense", "p:2: invalid literal"},
      {"[]", "p:2: expected an object"},
      {R"({"interface":"c","namespace":"a","name":"b","x":1})", "p:2: /x: unknown member"},
      {R"({"interface":"c","name":"b"})", "p:2: the top level: expected member 'namespace'"},
      {R"({"interface":"c","namespace":"a"})", "p:2: the top level: expected member 'name'"},
      {R"({"namespace":"a","name":"b"})", "p:2: the top level: expected 'interface' or 'addresses'"},
      {R"({"namespace":"a","name":"b","addresses":[]})", "p:2: the top level: expected 'interface' or 'addresses'"},
      {R"({"interface":"","namespace":"a","name":"b","addresses":["10.0.0.1"]})",
       "p:2: /interface: expected an interface's name"},
      {R"({"interface":"sixteen-letters-","namespace":"a","name":"b"})",
       "p:2: /interface: expected an interface's name"},
      {R"({"interface":"c","namespace":"a.b","name":"b"})", "p:2: /namespace: expected a namespace"},
      {R"({"interface":"c","namespace":"A","name":"b"})", "p:2: /namespace: expected a namespace"},
      {R"({"interface":"c","namespace":"a","name":"b/c"})", "p:2: /name: expected a pod's name"},
      {R"({"interface":"c","namespace":"a","name":"-b"})", "p:2: /name: expected a pod's name"},
      {R"({"interface":"c","namespace":"a","name":"b."})", "p:2: /name: expected a pod's name"},
      {R"({"interface":"c","namespace":"a","name":"b-.c"})", "p:2: /name: expected a pod's name"},
      {R"({"interface":"c","namespace":"a","name":7})", "p:2: /name: expected a pod's name"},
      {R"({"namespace":"a","name":"b","addresses":"10.0.0.1"})", "p:2: /addresses: expected a list of addresses"},
      {R"({"namespace":"a","name":"b","addresses":["10.0.0.0/8"]})", "p:2: /addresses/0: expected an address"},
      {R"({"namespace":"a","name":"b","addresses":["10.0.0.1","10.0.0.1"]})",
       "p:2: /addresses/1: the address is there twice"},
      {R"({"interface":"c","namespace":"a","name":"b","from":"2025-11-25"})",
       "p:2: /from: expected a time in UTC or null"},
      {R"({"interface":"c","namespace":"a","name":"b","from":"2025-02-29T00:00:00Z"})",
       "p:2: /from: expected a time in UTC or null"},
      {R"({"interface":"c","namespace":"a","name":"b","to":"2025-11-25T12:00:00.Z"})",
       "p:2: /to: expected a time in UTC or null"},
      {R"({"interface":"c","namespace":"a","name":"b","to":"2025-11-25T12:00:00+01:00"})",
       "p:2: /to: expected a time in UTC or null"},
      {R"({"interface":"c","namespace":"a","name":"b","from":"2025-11-25T12:00:00Z","to":"2025-11-25T12:00:00Z"})",
       "p:2: the top level: it ends before it begins"},
      {good, "p:2: interface 'cali1' has an entry of the same time in line 1"},
  };
  for (const auto& row : rows) {
    INFO(row.line);
    std::vector<std::string> errors;
    CHECK(parse_pods(good + "\n" + row.line + "\n", "p", errors).empty());
    REQUIRE(errors.size() == 1);
    if (row.line == "nonsense")
      CHECK(errors.front().rfind("p:2: ", 0) == 0);
    else
      CHECK(errors.front() == row.error);
  }
}

TEST_CASE("pods: many broken lines are not many messages, and too much is refused") {
  std::vector<std::string> errors;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "x\n";
  CHECK(parse_pods(text, "p", errors).empty());
  CHECK(errors.size() == 20);
  errors.clear();
  text.clear();
  for (std::size_t i = 0; i <= kMaxPods; ++i)
    text += R"({"namespace":"a","name":"b","interface":"c)" + std::to_string(i) + "\"}\n";
  CHECK(parse_pods(text, "p", errors).empty());
  CHECK(errors == std::vector<std::string>{"p:16385: more than 16384 entries"});
  errors.clear();
  CHECK(parse_pods(std::string(65'537, ' '), "p", errors).empty());
  CHECK(errors == std::vector<std::string>{"p:1: longer than 65536 bytes"});
}

// Against the obvious way: every pair of entries.
TEST_CASE("pods: entries that overlap are found whatever their order") {
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    struct Span {
      int thing, from, to;
    };
    std::vector<Span> spans;
    std::string text;
    for (int i = 0; i < 5; ++i) {
      const int from = static_cast<int>(random() % 20), to = from + 1 + static_cast<int>(random() % 6);
      spans.push_back({static_cast<int>(random() % 2), from, to});
      const auto time = [](int second) {
        return "\"2025-11-25T12:00:" + std::string(second < 10 ? "0" : "") + std::to_string(second) + "Z\"";
      };
      text += "{\"namespace\":\"a\",\"name\":\"b\"," +
              std::string(spans.back().thing == 0 ? "\"interface\":\"c\"" : "\"addresses\":[\"10.0.0.1\"]") +
              ",\"from\":" + time(from) + ",\"to\":" + time(to) + "}\n";
    }
    bool overlap = false;
    for (std::size_t i = 0; i < spans.size(); ++i)
      for (std::size_t k = 0; k < i; ++k)
        overlap |= spans[i].thing == spans[k].thing && spans[i].from < spans[k].to && spans[k].from < spans[i].to;
    std::vector<std::string> errors;
    parse_pods(text, "p", errors);
    INFO(text);
    CHECK(errors.empty() == !overlap);
  }
}

TEST_CASE("pods: an interface that went from one pod to another") {
  PodFixture pods;
  pods.write(R"({"interface":"cali1","namespace":"app","name":"old","addresses":["10.42.0.2"]})");
  PodFile file(pods.path());
  CHECK(file.refresh(kNoon).empty());
  CHECK(file.size() == 1);
  pods.write(R"({"interface":"cali1","namespace":"app","name":"new","addresses":["10.42.0.2"]})");
  CHECK(file.refresh(kNoon + 60 * kSecond).empty());
  CHECK(file.size() == 2);
  CHECK(file.pod_of("cali1", std::nullopt, kNoon - 1) == "unknown");
  CHECK(file.pod_of("cali1", std::nullopt, kNoon) == "app/old");
  CHECK(file.pod_of("cali1", std::nullopt, kNoon + 60 * kSecond - 1) == "app/old");
  CHECK(file.pod_of("cali1", std::nullopt, kNoon + 60 * kSecond) == "app/new");
  CHECK(file.pod_of("", ip("10.42.0.2"), kNoon) == "app/old");
  CHECK(file.pod_of("", ip("10.42.0.2"), kNoon + 60 * kSecond) == "app/new");
  CHECK(file.pod_of("", ip("10.42.0.3"), kNoon) == "unknown");
  CHECK(file.pod_of("cali2", std::nullopt, kNoon) == "unknown");
}

TEST_CASE("pods: another pod's address does not attribute what came from an interface") {
  PodFixture pods;
  pods.write(R"({"interface":"cali1","namespace":"app","name":"web","addresses":["10.42.0.2"]})"
             "\n"
             R"({"namespace":"app","name":"far","addresses":["10.42.0.9"]})");
  PodFile file(pods.path());
  REQUIRE(file.refresh(kNoon).empty());
  CHECK(file.pod_of("cali1", ip("10.42.0.9"), kNoon) == "app/web");
  CHECK(file.pod_of("cali7", ip("10.42.0.2"), kNoon) == "unknown");
  CHECK(file.pod_of("cali7", ip("10.42.0.9"), kNoon) == "app/far");
  CHECK(file.pod_of("", ip("10.42.0.2"), kNoon) == "app/web");
  CHECK(file.pod_of("", std::nullopt, kNoon) == "unknown");
}

TEST_CASE("pods: an entry that comes and goes") {
  PodFixture pods;
  const std::string other = R"({"interface":"cali9","namespace":"app","name":"x"})";
  const std::string begun = R"({"interface":"cali1","namespace":"app","name":"web","from":"2025-11-25T11:00:00Z"})";
  const std::string unbegun = R"({"interface":"cali2","namespace":"app","name":"db"})";
  pods.write(begun + "\n" + unbegun + "\n" + other);
  PodFile file(pods.path());
  REQUIRE(file.refresh(kNoon).empty());
  CHECK(file.pod_of("cali1", std::nullopt, kNoon - 3600 * kSecond) == "app/web");
  pods.write(other);
  REQUIRE(file.refresh(kNoon + 10 * kSecond).empty());
  CHECK(file.pod_of("cali1", std::nullopt, kNoon + 10 * kSecond) == "unknown");
  CHECK(file.pod_of("cali2", std::nullopt, kNoon + 9 * kSecond) == "app/db");
  pods.write(unbegun + "\n" + begun + "\n" + other);
  REQUIRE(file.refresh(kNoon + 20 * kSecond).empty());
  // The one says that it was there all the time, the other does not.
  CHECK(file.pod_of("cali1", std::nullopt, kNoon + 15 * kSecond) == "app/web");
  CHECK(file.pod_of("cali2", std::nullopt, kNoon + 9 * kSecond) == "app/db");
  CHECK(file.pod_of("cali2", std::nullopt, kNoon + 15 * kSecond) == "unknown");
  CHECK(file.pod_of("cali2", std::nullopt, kNoon + 20 * kSecond) == "app/db");
  CHECK(file.size() == 4);
}

TEST_CASE("pods: an entry is given an end, and is forgotten an hour after it") {
  PodFixture pods;
  pods.write(R"({"interface":"cali1","namespace":"app","name":"web"})");
  PodFile file(pods.path());
  REQUIRE(file.refresh(kNoon).empty());
  pods.write(R"({"interface":"cali1","namespace":"app","name":"web","to":"2025-11-25T12:00:05Z"})");
  REQUIRE(file.refresh(kNoon + 10 * kSecond).empty());
  CHECK(file.pod_of("cali1", std::nullopt, kNoon) == "app/web");
  CHECK(file.pod_of("cali1", std::nullopt, kNoon + 5 * kSecond) == "unknown");
  CHECK(file.size() == 1);
  file.refresh(kNoon + 3605 * kSecond);
  CHECK(file.size() == 1);
  file.refresh(kNoon + 3606 * kSecond);
  CHECK(file.size() == 0);
}

TEST_CASE("pods: two pods on one interface at one time are nobody's") {
  PodFixture pods;
  pods.write(R"({"interface":"cali1","namespace":"app","name":"old"})");
  PodFile file(pods.path());
  REQUIRE(file.refresh(kNoon).empty());
  pods.write(R"({"interface":"cali1","namespace":"app","name":"new","from":"2025-11-25T12:00:05Z"})");
  REQUIRE(file.refresh(kNoon + 10 * kSecond).empty());
  CHECK(file.pod_of("cali1", std::nullopt, kNoon + 4 * kSecond) == "app/old");
  CHECK(file.pod_of("cali1", std::nullopt, kNoon + 5 * kSecond) == "unknown");
  CHECK(file.pod_of("cali1", std::nullopt, kNoon + 10 * kSecond) == "app/new");
}

TEST_CASE("pods: a broken or vanished file keeps the table, and is said once") {
  PodFixture pods;
  PodFile file(pods.path());
  const std::vector<std::string> gone{pods.path() + ": cannot be read: No such file or directory"};
  CHECK(file.refresh(kNoon) == gone);
  CHECK(file.refresh(kNoon).empty());
  pods.write(R"({"interface":"cali1","namespace":"app","name":"web"})");
  CHECK(file.refresh(kNoon).empty());
  pods.write("{}");
  CHECK(file.refresh(kNoon + kSecond) ==
        std::vector<std::string>{pods.path() + ":1: the top level: expected member 'namespace'"});
  CHECK(file.refresh(kNoon + 2 * kSecond).empty());
  std::filesystem::remove(pods.path());
  CHECK(file.refresh(kNoon + 3 * kSecond) == gone);
  CHECK(file.refresh(kNoon + 4 * kSecond).empty());
  CHECK(file.pod_of("cali1", std::nullopt, kNoon + 4 * kSecond) == "app/web");
  // It comes back as it was: the entry was never gone.
  pods.write(R"({"interface":"cali1","namespace":"app","name":"web"})");
  CHECK(file.refresh(kNoon + 5 * kSecond).empty());
  CHECK(file.pod_of("cali1", std::nullopt, kNoon) == "app/web");
  CHECK(file.size() == 1);
}

TEST_CASE("pods: a change that keeps the size and the time of the file is seen") {
  PodFixture pods;
  PodFile file(pods.path());
  pods.write(R"({"interface":"cali1","namespace":"app","name":"one"})");
  const std::int64_t now = std::time(nullptr) * kSecond;
  REQUIRE(file.refresh(now).empty());
  struct stat before {};
  REQUIRE(::stat(pods.path().c_str(), &before) == 0);
  pods.write(R"({"interface":"cali1","namespace":"app","name":"two"})");
  const timespec times[] = {before.st_atim, before.st_mtim};
  REQUIRE(::utimensat(AT_FDCWD, pods.path().c_str(), times, 0) == 0);
  REQUIRE(file.refresh(now + kSecond).empty());
  CHECK(file.pod_of("cali1", std::nullopt, now + kSecond) == "app/two");
}

TEST_CASE("pods: a pipe in the file's place does not stop the agent") {
  PodFixture pods;
  REQUIRE(::mkfifo(pods.path().c_str(), 0600) == 0);
  PodFile file(pods.path());
  CHECK(file.refresh(kNoon) == std::vector<std::string>{pods.path() + ": cannot be read: it is no file"});
}

}  // namespace
}  // namespace airtight::audit
