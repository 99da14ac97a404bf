#!/usr/bin/env bash
# The table of docs/results/robustness.md from the summary of the study deploy-without-retraining, beside what an independent
# computation found with ten draws: mean, standard deviation, published mean, difference over what is allowed.
#   experiments/deploy_table.sh runs/robustness/deploy-without-retraining/summary.csv
set -euo pipefail
awk -F, '
    BEGIN {
        split("95.9 95.2 93.6 91.2 87.5 86.0 79.2 77.0 95.9 95.7 94.5 93.4 88.9 86.3 84.5 78.1 95.5 93.9 92.4 88.7 83.2 80.3 73.0 67.1 78.1 85.4 91.8 95.8 96.3 96.1", mean, " ")
        split("0 0 1.5 2.4 0 3.1 5.4 6.4 0 0 0 1.5 0 3.2 0 5.0", sd, " ")
        print "| deviation | | trials | accuracy in % | sd | other | difference | allowed |\n|---|---|---|---|---|---|---|---|"
    }
    NR == 1 { for (k = 1; k <= NF; k++) column[$k] = k; next }
    {
        for (k = 1; k <= 4; k++) if ($k != "") { what = k; value = $k }
        name = (what == 1) ? "threshold" : (what == 2) ? "weight" : (what == 3) ? "jitter" : "bits"
        own = 100 * $column["mean"]; spread = 100 * $column["sd"]
        s = sd[NR - 1] > 0 ? sd[NR - 1] : spread
        # One decimal in the other table: half of its last digit is rounding.
        printf "| %s | %s | %d | %.2f | %.2f | %.1f | %+.2f | %.2f |\n", name, value, $column["trials"], own, spread, mean[NR - 1], own - mean[NR - 1], 2.5 * s * sqrt(1 / 10 + 1 / 20) + 0.05
    }' "${1:?usage: $0 SUMMARY.csv}"
