# Results page: claims, runs, tables and figures in one HTML file that opens offline.
PAGE = f"{RESULTS}/index.html"
CSV_TABLES = [f"{RESULTS}/tables/{name}.csv" for name in TABLES]
PNG_FIGURES = [f"{FIGURES}/{name}.png" for name in FIGURES_MADE]


rule build_page:
    input:
        records=of_print(PAGE, ALL_RECORDS),
        tables=of_print(PAGE, CSV_TABLES),
        figures=of_print(PAGE, PNG_FIGURES),
        captions=of_print(PAGE, [*map(str, stamps.in_folders("captions.yaml"))]),
        claims=of_print(PAGE, CLAIMS),
        changed=changed_print(
            PAGE, "page", "page", [*ALL_RECORDS, *CSV_TABLES, *PNG_FIGURES]
        ),
    output:
        page=update(PAGE),
        # The tables again, for Snakemake's report, which shows no CSV.
        tables=[
            report(
                update(f"{RESULTS}/tables/{name}.html"),
                category=CAPTIONS[name].of,
                labels={"title": CAPTIONS[name].title},
            )
            for name in TABLES
        ],
    log:
        f"{RESULTS}/logs/build_page.log",
    group:
        "print"
    conda:
        "../../envs/environment.yaml"
    params:
        scale=SCALE_NAME,
    message:
        f"The results page: {PAGE}"
    shell:
        "python -m partial_backprop page --scale {params.scale} --records {input.records}"
        " --tables {input.tables} --figures {input.figures} --out {output.page} 2> {log}"


rule page:
    input:
        rules.build_page.output,
