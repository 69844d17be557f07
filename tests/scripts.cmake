# Tests that are scripts: what they print is "ok NAME", "FAIL NAME WHY" or "SKIPPED NAME WHY"; 77 means that the whole was skipped.
# Paths are relative to tests/; a test whose script is not in the tree is not registered.
set(airtight_program $<TARGET_FILE:airtight>)
set(airtight_outputs ${PROJECT_BINARY_DIR}/policies)

# airtight_script(NAME FILE [COMMAND...] [PROPERTIES ...]): COMMAND runs FILE; without one, FILE runs by its suffix.
function(airtight_script name file)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "COMMAND;PROPERTIES")
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    return()
  endif()
  add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 ${arg_PROPERTIES})
endfunction()

# --- the tree
airtight_script(layering layering.py COMMAND python3 layering.py --self-test ${PROJECT_SOURCE_DIR})
airtight_script(rules rules/check_rules.py COMMAND python3 rules/check_rules.py --self-test ${PROJECT_SOURCE_DIR}/rules)
airtight_script(readme ../packaging/readme.sh COMMAND bash ../packaging/readme.sh --check ${airtight_program})
airtight_script(man man.py COMMAND python3 man.py ${airtight_program} ../packaging/man/airtight.1)
airtight_script(man_auditor man.py COMMAND python3 man.py $<TARGET_FILE:airtight-auditor> ../packaging/man/airtight-auditor.1)

# --- the program
airtight_script(rejected rejected.py COMMAND python3 rejected.py ${airtight_program})
airtight_script(golden golden.py COMMAND python3 golden.py ${airtight_program})
airtight_script(cli cli.sh COMMAND bash cli.sh ${airtight_program})
airtight_script(reports reports.py COMMAND python3 reports.py ${airtight_program})
airtight_script(ci_gates ci_gates.py COMMAND python3 ci_gates.py ${airtight_program} ${PROJECT_SOURCE_DIR})
airtight_script(netpol_corpus netpol_corpus.py
  COMMAND python3 netpol_corpus.py ${airtight_program} ${PROJECT_SOURCE_DIR}/../shared/corpus/netpol)
airtight_script(semantics semantics.py COMMAND python3 semantics.py ${airtight_program})
airtight_script(mutations mutations.py COMMAND python3 mutations.py ${airtight_program} ${PROJECT_SOURCE_DIR})
airtight_script(obligations obligations.py COMMAND python3 obligations.py ${airtight_program} ${PROJECT_SOURCE_DIR})
airtight_script(policies policies.py COMMAND python3 policies.py ${airtight_program} ${airtight_outputs}
  PROPERTIES FIXTURES_SETUP policies_outputs)

# --- the auditor
airtight_script(auditor_cli auditor_cli.py COMMAND python3 auditor_cli.py $<TARGET_FILE:airtight-auditor>)
airtight_script(replay replay.py COMMAND python3 replay.py $<TARGET_FILE:airtight-auditor>)
airtight_script(agent_cli agent_cli.py COMMAND python3 agent_cli.py $<TARGET_FILE:airtight-auditor>)
airtight_script(evidence_cli evidence_cli.py COMMAND python3 evidence_cli.py $<TARGET_FILE:airtight-auditor>)
airtight_script(auditor_report_formats auditor/report/check_report.py COMMAND python3 auditor/report/check_report.py
  ${PROJECT_SOURCE_DIR}/auditor/report/report.schema.json $<TARGET_FILE:auditor_report_tests>)
airtight_script(differential differential.py COMMAND python3 differential.py $<TARGET_FILE:observe> $<TARGET_FILE:airtight-auditor>
  ${PROJECT_SOURCE_DIR}/../shared/corpus/captures)

# --- schemas, read by others than us
set(schema ${PROJECT_SOURCE_DIR}/compiler)
file(GLOB accepted CONFIGURE_DEPENDS policy/fixtures/*.policy.json)
file(GLOB refused CONFIGURE_DEPENDS policy/fixtures/refused/*.json)
airtight_script(schema_policy policy/check_policy_schema.py
  COMMAND python3 policy/check_policy_schema.py ${schema}/policy/policy.schema.json ${accepted} --refused ${refused})
airtight_script(schema_diagnostics policy/check_policy_schema.py
  COMMAND python3 policy/check_policy_schema.py ${schema}/policy/diagnostics.schema.json policy/fixtures/diagnostics.json)
airtight_script(schema_spec spec/check_schema.py COMMAND python3 spec/check_schema.py ${airtight_program}
  ${schema}/spec/isolation_spec.schema.json ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/policies)
file(GLOB specs RELATIVE ${PROJECT_SOURCE_DIR}/policies CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/policies/*.yaml)
airtight_script(report_formats verify/report/check_formats.py
  COMMAND python3 verify/report/check_formats.py ${schema}/verify --tests $<TARGET_FILE:verify_report_tests>
          --sarif ${PROJECT_SOURCE_DIR}/../shared/schemas/sarif/sarif-schema-2.1.0.json)
airtight_script(sarif_multitool verify/report/check_sarif.mjs
  COMMAND node verify/report/check_sarif.mjs $<TARGET_FILE:verify_report_tests> PROPERTIES RESOURCE_LOCK npm)
set(policy_files "")
set(manifest_files "")
foreach(spec ${specs})
  string(REPLACE ".yaml" "" spec ${spec})
  list(APPEND policy_files ${airtight_outputs}/${spec}/policy.json)
  list(APPEND manifest_files ${airtight_outputs}/${spec}/manifest.json)
  # Each alone: two specs may both write a NetworkPolicy of one name, one spec may not.
  airtight_script(kubernetes_models_${spec} kubernetes_models/check.mjs
    COMMAND node kubernetes_models/check.mjs ${airtight_outputs}/${spec}/networkpolicy
    PROPERTIES FIXTURES_REQUIRED policies_outputs RESOURCE_LOCK npm)
endforeach()
file(GLOB goldens RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS golden/*/expected/networkpolicy)
foreach(golden ${goldens})
  string(REGEX REPLACE "^golden/([^/]*)/.*" "\\1" case ${golden})
  airtight_script(kubernetes_models_golden_${case} kubernetes_models/check.mjs
    COMMAND node kubernetes_models/check.mjs ${golden} PROPERTIES RESOURCE_LOCK npm)
endforeach()
airtight_script(schema_policy_outputs policy/check_policy_schema.py
  COMMAND python3 policy/check_policy_schema.py ${schema}/policy/policy.schema.json ${policy_files}
  PROPERTIES FIXTURES_REQUIRED policies_outputs)
airtight_script(schema_manifest_outputs policy/check_policy_schema.py
  COMMAND python3 policy/check_policy_schema.py ${schema}/emit/manifest.schema.json ${manifest_files}
  PROPERTIES FIXTURES_REQUIRED policies_outputs)

# --- real kernels, resolvers and fuzzers: alone, since they wait for packets and use every core
airtight_script(nftables_lab lab/nftables_lab.sh COMMAND sh lab/nftables_lab.sh ${airtight_program} PROPERTIES RUN_SERIAL TRUE)
airtight_script(bind_lab lab/bind_lab.sh COMMAND bash lab/bind_lab.sh ${airtight_program} PROPERTIES RUN_SERIAL TRUE)
airtight_script(agent_lab lab/agent_lab.py COMMAND python3 lab/agent_lab.py $<TARGET_FILE:airtight-auditor> ${airtight_program} --jobs 4
  PROPERTIES RUN_SERIAL TRUE TIMEOUT 900)
airtight_script(verify_lab lab/verify_lab.py COMMAND python3 lab/verify_lab.py ${airtight_program} PROPERTIES RUN_SERIAL TRUE)
airtight_script(verify_readers_lab lab/verify_readers_lab.sh
  COMMAND bash lab/verify_readers_lab.sh $<TARGET_FILE:verify_firewall_tests> PROPERTIES RUN_SERIAL TRUE)
airtight_script(fuzz fuzz/run.sh COMMAND bash fuzz/run.sh PROPERTIES RUN_SERIAL TRUE TIMEOUT 3600)
