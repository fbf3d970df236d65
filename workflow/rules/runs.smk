# Runs: a rule for each recipe, of its name. Every arm leaves a record, and what else its recipe leaves and
# begins with is said in about.yaml of the recipe's folder.
RULES_OF = {"classify": "train_arm"}  # other names than the recipe's
TRUNKS_OF = {"classify": "train_trunk"}

for recipe_name, its_experiments in RECIPES.items():
    of_recipe = folders.recipe(recipe_name)
    rule_name = RULES_OF.get(recipe_name, recipe_name)
    trunk_name = TRUNKS_OF.get(recipe_name, f"{recipe_name}_trunk")
    its_pattern = "|".join(its_experiments)

    # The epochs that all arms of an experiment share.
    if of_recipe.shares_epochs:

        rule:
            name:
                trunk_name
            input:
                features=of_run(image_features),
                changed=changed_run,
            output:
                trunk=f"{RUNS}/{{experiment}}/trunk/seed{{seed}}/trunk.pt",
            log:
                f"{RESULTS}/logs/{trunk_name}/{{experiment}}_seed{{seed}}.log",
            benchmark:
                f"{RESULTS}/benchmarks/{trunk_name}/{{experiment}}_seed{{seed}}.tsv"
            wildcard_constraints:
                experiment=its_pattern,
            conda:
                "../../envs/environment.yaml"
            threads: run_threads
            resources:
                gpu=n_gpus,
                options=RUN_OPTIONS,
            params:
                scale=SCALE_NAME,
                checkpoints=CHECKPOINTS,
                given=given,
            message:
                "{wildcards.experiment}: shared epochs, seed {wildcards.seed}"
            shell:
                "python -m partial_backprop train {wildcards.experiment} trunk {wildcards.seed}"
                " --scale {params.scale} {resources.options} {params.given}"
                " --out $(dirname {output.trunk}) --checkpoints {params.checkpoints} --log {log}"

    rule:
        name:
            rule_name
        input:
            trunk=of_run(shared_trunk),
            start=of_run(start_file),
            features=of_run(image_features),
            checkpoint=of_run(given_checkpoint),
            changed=changed_run,
        output:
            record=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/record.json",
            leaves=[
                f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/{leaf}"
                for leaf in of_recipe.leaves
            ],
        log:
            f"{RESULTS}/logs/{rule_name}/{{experiment}}_{{arm}}_seed{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/{rule_name}/{{experiment}}_{{arm}}_seed{{seed}}.tsv"
        wildcard_constraints:
            experiment=its_pattern,
        # Others wait for what some recipes leave.
        priority: 10 if of_recipe.first else 0
        conda:
            "../../envs/environment.yaml"
        threads: run_threads
        resources:
            gpu=n_gpus,
            options=ARM_OPTIONS,
        params:
            scale=SCALE_NAME,
            checkpoints=CHECKPOINTS,
            given=given,
        message:
            "{wildcards.experiment}: {wildcards.arm}, seed {wildcards.seed}"
        shell:
            "python -m partial_backprop train {wildcards.experiment} {wildcards.arm}"
            " {wildcards.seed} --scale {params.scale} {resources.options} {params.given}"
            " --out $(dirname {output.record}) --checkpoints {params.checkpoints} --log {log}"


rule measure_gradients:
    input:
        trunk=of_run(sampled_trunk, GRADIENTS),
        changed=functools.partial(changed_run, arm=GRADIENTS),
    output:
        f"{RUNS}/{{experiment}}/trunk/seed{{seed}}/gradients.json",
    log:
        f"{RESULTS}/logs/measure_gradients/{{experiment}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_gradients/{{experiment}}_seed{{seed}}.tsv"
    wildcard_constraints:
        experiment="|".join(SAMPLED) or "(?!)",
    conda:
        "../../envs/environment.yaml"
    threads: run_threads
    resources:
        gpu=n_gpus,
        options=RUN_OPTIONS,
    params:
        scale=SCALE_NAME,
    message:
        "{wildcards.experiment}: gradients after the shared epochs, seed {wildcards.seed}"
    shell:
        "python -m partial_backprop gradients {wildcards.experiment} {wildcards.seed}"
        " --scale {params.scale} {resources.options}"
        " --trunk {input.trunk} --out $(dirname {output}) --log {log}"
