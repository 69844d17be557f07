#include "compiler/policy/diagnostic.h"

#include <catch2/catch.hpp>

#include <array>

#include "tests/spec/spec_text.h"

using namespace airtight;

TEST_CASE("text: place, code, line, caret, expected, note, help") {
  Sources sources;
  const std::uint32_t file = sources.add("dir/ä.yaml", "one: 1\ntwo: €€ 10.0.0.1/8 # x\n");
  const std::string_view text = sources.text(file);
  const auto begin = static_cast<std::uint32_t>(text.find("10.0.0.1/8"));
  Diagnostics diagnostics;
  diagnostics.error(Code::HostBits, Span{file, begin, begin + 10}, "'10.0.0.1/8' has host bits set")
      .expect("10.0.0.0/8")
      .note({file, 0, 3}, "seen here")
      .note({}, "a word")
      .help("write it so");
  diagnostics.warning(Code::ForwardWithoutFlow, Span{file, 5, 6}, "a warning");
  diagnostics.error(Code::CannotRead, std::string("no\tfile"), "cannot be read");
  CHECK(diagnostics.errors() == 2);
  CHECK(render_text(diagnostics, sources, false) ==
        "no\\x09file: error[AT-F601]: cannot be read\n"
        "dir/ä.yaml:1:6: warning[AT-S326]: a warning\n"
        "  1 | one: 1\n"
        "    |      ^\n"
        "dir/ä.yaml:2:9: error[AT-S203]: '10.0.0.1/8' has host bits set\n"
        "  2 | two: €€ 10.0.0.1/8 # x\n"
        "    |         ^^^^^^^^^^\n"
        "  expected: 10.0.0.0/8\n"
        "  note: dir/ä.yaml:1:1: seen here\n"
        "  1 | one: 1\n"
        "    | ^^^\n"
        "  note: a word\n"
        "  help: write it so\n");
}

TEST_CASE("colour changes no character of the text") {
  Sources sources;
  const std::uint32_t file = sources.add("a.yaml", "one: 1\n");
  Diagnostics diagnostics;
  diagnostics.error(Code::HostBits, Span{file, 5, 6}, "wrong");
  const std::string coloured = render_text(diagnostics, sources, true);
  CHECK(coloured ==
        "\033[1ma.yaml:1:6: \033[0m\033[1;31merror[AT-S203]\033[0m: wrong\n"
        "\033[34m  1 | \033[0mone: 1\n"
        "\033[34m    | \033[0m     \033[1;32m^\033[0m\n");
  std::string plain;
  for (std::size_t i = 0; i < coloured.size(); ++i) {
    if (coloured[i] != '\033') {
      plain += coloured[i];
      continue;
    }
    i = coloured.find('m', i);
  }
  CHECK(plain == render_text(diagnostics, sources, false));
}

TEST_CASE("a long line is shown around the token, and a token at the end of the text still gets a caret") {
  Sources sources;
  const std::uint32_t file = sources.add("a.yaml", std::string(5000, 'x') + "HERE" + std::string(5000, 'y'));
  Diagnostics diagnostics;
  diagnostics.error(Code::HostBits, Span{file, 5000, 5004}, "wrong");
  const std::string x(55, 'x'), y(51, 'y');
  CHECK(render_text(diagnostics, sources, false) ==
        "a.yaml:1:5001: error[AT-S203]: wrong\n"
        "  1 | …" +
            x + "HERE" + y +
            "…\n"
            "    | " +
            std::string(56, ' ') + "^^^^\n");
  Diagnostics at_end;
  const std::uint32_t other = sources.add("b.yaml", "a: b\n");
  at_end.error(Code::YamlSyntax, Span{other, 5, 5}, "wrong");
  CHECK(render_text(at_end, sources, false) == "b.yaml:2:1: error[AT-Y005]: wrong\n  2 | \n    | ^\n");
}

TEST_CASE("JSON says the same, with the end of the token") {
  Sources sources;
  const std::uint32_t file = sources.add("a.yaml", "one: \"€\"\n");
  Diagnostics diagnostics;
  diagnostics.error(Code::HostBits, Span{file, 5, 10}, "wrong")
      .expect("right")
      .note({file, 0, 3}, "here")
      .note({}, "there");
  diagnostics.error(Code::CannotWrite, std::string("out"), "cannot be written").help("make room");
  CHECK(render_json(diagnostics, sources) == R"({
  "diagnostics": [
    {
      "code": "AT-F602",
      "severity": "error",
      "file": null,
      "subject": "out",
      "message": "cannot be written",
      "help": "make room",
      "notes": []
    },
    {
      "code": "AT-S203",
      "severity": "error",
      "file": "a.yaml",
      "line": 1,
      "column": 6,
      "end_line": 1,
      "end_column": 9,
      "message": "wrong",
      "expected": "right",
      "notes": [
        {
          "file": "a.yaml",
          "line": 1,
          "column": 1,
          "message": "here"
        },
        {
          "file": null,
          "message": "there"
        }
      ]
    }
  ]
}
)");
}

TEST_CASE("equal diagnostics are shown once, others by file, place and code") {
  Sources sources;
  const std::uint32_t first = sources.add("z.yaml", "abc\n"), second = sources.add("a.yaml", "abc\n");
  Diagnostics diagnostics;
  diagnostics.error(Code::BadName, Span{second, 0, 1}, "b");
  diagnostics.error(Code::BadName, Span{first, 1, 2}, "a");
  diagnostics.error(Code::HostBits, Span{first, 1, 2}, "a");
  diagnostics.error(Code::BadName, Span{first, 1, 2}, "a");
  std::string order;
  for (const Diagnostic& d : diagnostics.sorted())
    order += sources.name(d.where.source) + " " + std::string(info(d.code).id) + ", ";
  CHECK(order == "z.yaml AT-S203, z.yaml AT-S206, a.yaml AT-S206, ");
}

TEST_CASE("what the user wrote cannot harm the terminal") {
  CHECK(printable("a\033[2Jb\x7f\n") == "a\\x1b[2Jb\\x7f\\x0a");
  CHECK(printable("x\xC2\x9B y\xE2\x80\xAEz\xEF\xBB\xBF\xC2\xAD") == "xU+009B yU+202EzU+FEFFU+00AD");
  CHECK(printable("\xff\xc0\xaf\xed\xa0\x80") == "\\xff\\xc0\\xaf\\xed\\xa0\\x80");
  CHECK(printable("ö€漢𝕏") == "ö€漢𝕏");
  CHECK(quoted("it") == "'it'");
  CHECK(quoted(std::string(60, 'a')) == "'" + std::string(60, 'a') + "'");
  CHECK(quoted(std::string(61, 'a')) == "'" + std::string(60, 'a') + "…'");
}

TEST_CASE("nearest: one slip in three letters, transposition as one") {
  constexpr std::array<std::string_view, 6> names{"workers", "web", "ai-gateway", "ingress", "networkpolicy", "db"};
  const std::pair<const char*, const char*> rows[] = {
      {"worker", "workers"},
      {"wrokers", "workers"},
      {"wbe", "web"},
      {"we", "web"},
      {"ai-gatway", "ai-gateway"},
      {"network-policy", "networkpolicy"},
      {"NETWORKPOLICY", ""},
      {"egress", "ingress"},
      {"bd", "db"},
      {"database", ""},
      {"", ""},
      {"x", ""},
      {"qqq", ""},
  };
  for (const auto& [text, near] : rows) {
    INFO(text);
    CHECK(nearest(text, names) == near);
  }
  CHECK(nearest(std::string(65, 'a'), std::vector<std::string_view>{"a"}) == "");
  CHECK(nearest("a", std::vector<std::string_view>{}) == "");
}

TEST_CASE("the table: one row a code, ids unique and found whatever their case") {
  std::vector<std::string_view> ids;
  for (const CodeInfo& row : code_table()) {
    CHECK(&info(row.code) == &row);
    CHECK(find_code(row.id)->code == row.code);
    CHECK(std::find(ids.begin(), ids.end(), row.id) == ids.end());
    CHECK(row.explanation.size() > 20);
    ids.push_back(row.id);
  }
  CHECK(find_code("at-s203")->code == Code::HostBits);
  CHECK_FALSE(find_code("AT-S2"));
  CHECK_FALSE(find_code(""));
}
