-- Questions that a store answers, one query each. `scripts/queries` puts them into the
-- README with the answers of the demonstration database (`scripts/demonstration`).

-- How far does each network fall, on average and at worst?
SELECT model, precision, kind, round(100*min(acc),2) worst, round(100*avg(acc),2) mean,
  round(100*avg(delta),2) mean_delta
FROM result WHERE dataset='cifar10-test' AND kind IN ('natural','adversarial')
GROUP BY 1,2,3 ORDER BY 3,5 DESC;

-- What hurts one network most, with the paired 95 % interval of each change?
SELECT noise, condition, round(100*acc,2) acc, round(100*delta,2) delta,
  round(196*delta_se,2) ci
FROM result WHERE model='cifar10_resnet20_fp32' ORDER BY delta LIMIT 5;

-- What is the mean corruption error against AlexNet?
SELECT model, round(mce,1) mce, n_corruptions
FROM mce WHERE baseline='alexnet' AND dataset='imagenet-sample' ORDER BY 2;

-- Where does a compressed network lose most against its full-precision twin?
SELECT model, condition, round(100*twin_acc,2) twin, round(100*acc,2) acc,
  round(-100*cost,2) difference
FROM twin ORDER BY difference LIMIT 5;

-- What changed in the last run?
SELECT model, condition, round(acc_pct,2) now, round(change_pp,2) change
FROM history WHERE run_id=(SELECT max(run_id) FROM run) AND abs(change_pp)>0
ORDER BY change LIMIT 5;

-- Which pictures did another decoder cost?
WITH a AS MATERIALIZED (SELECT * FROM pred_row WHERE cell_id=(SELECT cell_id FROM result
    WHERE model='cifar10_resnet20_fp32' AND condition='clean')),
  b AS MATERIALIZED (SELECT * FROM pred_row WHERE cell_id=(SELECT cell_id FROM result
    WHERE model='cifar10_resnet20_fp32' AND condition='decode=turbo-ifast'))
SELECT a.key, a.label, a.top1 clean, b.top1 ifast
FROM a JOIN b USING(pos) WHERE a.ok AND NOT b.ok;

-- How often is a network right under every decoder?
SELECT count(*) samples, 100.0*avg(w) right_under_all
FROM (SELECT min(ok) w FROM pred_row WHERE cell_id IN (SELECT cell_id FROM result
  WHERE model='cifar10_resnet20_fp32' AND condition LIKE 'decode=%') GROUP BY pos);

-- Which numbers carry a reliability flag?
SELECT model, condition, round(100*acc,2) acc, flags FROM result
WHERE flags IS NOT NULL ORDER BY acc DESC LIMIT 5;
